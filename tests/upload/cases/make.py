#!/usr/bin/env python3
"""Writes table.json: every upload that the tests judge, with the verdict it must get. `make.py --check` only compares."""

import json
import pathlib
import sys

import contents
import pictures
import structure
from parts import Cases

TABLE = pathlib.Path(__file__).parent / "table.json"


def lines(rows):
    return ",\n".join(json.dumps(row) for row in rows)


def table():
    cases = Cases()
    structure.make(cases)
    contents.make(cases)
    names = [row["name"] for row in cases.rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"names are used twice: {sorted(twice)}")
    good = pictures.good_jpegs() | pictures.good_pngs()
    shown = ",\n".join(f"{json.dumps(name)}: {json.dumps(data.hex())}" for name, data in good.items())
    rules = ",\n".join(f"{json.dumps(name)}: {json.dumps(rule)}" for name, rule in contents.RULES.items())
    return f'{{"rules": {{\n{rules}\n}},\n"pictures": {{\n{shown}\n}},\n"cases": [\n{lines(cases.rows)}\n]}}\n'


def main():
    made = table()
    if sys.argv[1:] == ["--check"]:
        if not TABLE.is_file() or TABLE.read_text() != made:
            sys.exit("table.json is not what make.py writes")
        return
    TABLE.write_text(made)
    print(len(json.loads(made)["cases"]), "cases")


if __name__ == "__main__":
    main()
