"""Writes the subset of TOML that the gateway's configuration uses."""


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def dump(config):
    """dict of sections -> text. Nested dicts become [a.b]; a list of dicts becomes [[a]]."""
    lines = []
    _table(lines, "", config)
    return "\n".join(lines) + "\n"


def _table(lines, prefix, table):
    tables, arrays = [], []
    for key, value in table.items():
        if isinstance(value, dict):
            tables.append((key, value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            arrays.append((key, value))
        elif value is not None:
            lines.append(f"{key} = {_scalar(value)}")
    for key, value in tables:
        lines.append(f"\n[{prefix}{key}]")
        _table(lines, f"{prefix}{key}.", value)
    for key, items in arrays:
        for item in items:
            lines.append(f"\n[[{prefix}{key}]]")
            _table(lines, f"{prefix}{key}.", item)


def merge(base, extra):
    """Deep copy of base with extra laid over it; a value of None removes the key."""
    out = dict(base)
    for key, value in extra.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out
