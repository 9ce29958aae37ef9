"""Boundaries, delimiters and part headers: what the reader judges."""

from parts import BOUNDARY, TYPE, Repeat, body, close, file, part, raw, text

CD = "Content-Disposition: form-data; "
IMAGE = "\r\nContent-Type: image/png"


def content_types(cases):
    def good(name, value, boundary=BOUNDARY):
        cases.add(f"type-{name}", "content type",
                  body(text("a", boundary=boundary), file("f", boundary=boundary), boundary=boundary),
                  content_type=value)

    def bad(name, value, reason):
        cases.add(f"type-{name}", "content type", body(text("a")), reason, content_type=value)

    good("plain", TYPE)
    good("quoted", f'multipart/form-data; boundary="{BOUNDARY}"')
    good("boundary-in-capitals", f"multipart/form-data; BOUNDARY={BOUNDARY}")
    good("charset-behind", f"{TYPE}; charset=utf-8")
    good("charset-before", f"multipart/form-data; charset=UTF-8; boundary={BOUNDARY}")
    good("charset-quoted", f'multipart/form-data; charset="utf-8"; boundary="{BOUNDARY}"')
    good("no-blank", f"multipart/form-data;boundary={BOUNDARY}")
    good("charset-no-blanks", f"multipart/form-data;charset=utf-8;boundary={BOUNDARY}")
    for name, boundary in {"letter": "x", "digit": "0", "token": "a'b+c_d-e.f", "dash-first": "-a",
                           "dashes-first": "--a", "dash-last": "a-",
                           "dashes-last": "a--", "quotes": "'a'", "long-69": "y" * 69, "long-70": "z" * 70,
                           "dashes-and-one": "-" * 60 + "7",
                           "webkit": "----WebKitFormBoundary7MA4YWxkTrZu0gW",
                           "gecko": "---------------------------41184676334"}.items():
        good(f"boundary-{name}", f"multipart/form-data; boundary={boundary}", boundary)
        good(f"boundary-{name}-quoted", f'multipart/form-data; boundary="{boundary}"', boundary)
    for name, boundary in {"parentheses": "(ab)", "comma": "a,b", "slash": "a/b", "colon": "a:b", "equals": "a=b",
                           "question": "a?b", "all": "'()+_,-./:=?",
                           "base64": "abc+/def=="}.items():
        good(f"boundary-{name}-quoted", f'multipart/form-data; boundary="{boundary}"', boundary)
        bad(f"boundary-{name}-bare", f"multipart/form-data; boundary={boundary}", "boundary_malformed")
    for name, value in {"alone": "multipart/form-data", "semicolon-charset": "multipart/form-data; charset=utf-8",
                        "empty": "multipart/form-data; boundary=",
                        "empty-quoted": 'multipart/form-data; boundary=""'}.items():
        bad(f"no-boundary-{name}", value, "boundary_missing")
    for name, value in {"same": f"{TYPE}; boundary={BOUNDARY}", "other": f"{TYPE}; boundary=other",
                        "other-first": f"multipart/form-data; boundary=o; boundary={BOUNDARY}",
                        "capitals": f"{TYPE}; BOUNDARY={BOUNDARY}",
                        "around-charset": f"{TYPE}; charset=utf-8; boundary=x"}.items():
        bad(f"two-boundaries-{name}", value, "boundary_repeated")
    for size in (71, 72, 200, 1000):
        bad(f"boundary-long-{size}", f"multipart/form-data; boundary={'x' * size}", "boundary_too_long")
        bad(f"boundary-long-{size}-quoted", f'multipart/form-data; boundary="{"x" * size}"', "boundary_too_long")
    for name, value in {"dash": "-", "dashes": "--", "many-dashes": "-" * 20, "dashes-quoted": '"----"',
                        "blank-behind": f"{BOUNDARY} ; charset=utf-8", "half-quoted": f'"{BOUNDARY}',
                        "quote-behind": f'{BOUNDARY}"',
                        "quote-inside": 'a"b', "junk-behind-quotes": f'"{BOUNDARY}"x', "blank-inside-quoted": '"a b"',
                        "blank-inside": "a b", "escape": '"a\\b"',
                        "star": "a*b", "angle": "<a>", "at": "a@b", "percent": "a%41", "latin": "a\u00e9b",
                        "hash": "a#b", "ampersand": "a&b", "bracket": "a[b]",
                        "brace": "a{b}"}.items():
        bad(f"boundary-{name}", f"multipart/form-data; boundary={value}", "boundary_malformed")
    for name, value in {"latin-1": f"{TYPE}; charset=iso-8859-1",
                        "utf-16": f"multipart/form-data; charset=utf-16; boundary={BOUNDARY}",
                        "unknown": f"{TYPE}; foo=bar",
                        "x-boundary": f"multipart/form-data; xboundary=a; boundary={BOUNDARY}",
                        "hidden": f'multipart/form-data; a="boundary=x"; boundary={BOUNDARY}',
                        "extended": f"multipart/form-data; boundary*={BOUNDARY}", "continued": f"{TYPE}; boundary*0=x",
                        "trailing-semicolon": f"{TYPE};",
                        "blank-around-equals": f"multipart/form-data; boundary = {BOUNDARY}",
                        "two-charsets": f"{TYPE}; charset=utf-8; charset=utf-8",
                        "no-equals": f"{TYPE}; charset",
                        "capitals": f"Multipart/Form-Data; boundary={BOUNDARY}",
                        "blank-before-semicolon": f"multipart/form-data ; boundary={BOUNDARY}",
                        }.items():
        bad(value=value, name=name, reason="content_type_malformed")


def around(cases):
    good = raw("")
    for piece in body(text("a"), file("f")):
        good += piece

    def add(name, pieces, reason=None, part=None, **more):
        cases.add(f"body-{name}", "around the parts", pieces, reason, part, **more)

    line, last = raw(f"--{BOUNDARY}\r\n"), raw(f"--{BOUNDARY}--")
    add("crlf-behind", good)
    add("nothing-behind", good[:-2])
    for name, before in {"crlf": "\r\n", "lf": "\n", "cr": "\r", "blank": " ", "text": "preamble\r\n",
                         "text-alone": "preamble", "nul": "\0", "bom": "\ufeff",
                         "dash": "-", "dashes": "--", "other-boundary": "--other\r\n"}.items():
        add(f"before-{name}", raw(before) + good, "multipart_preamble")
    add("before-without-dashes", good[2:], "multipart_preamble")
    add("before-capitals", good.replace(b"case", b"CASE"), "multipart_preamble")
    add("before-everything", b"no multipart body at all", "multipart_preamble")
    add("before-json", b'{"email":"a@example.test"}', "multipart_preamble")
    for name, behind in {"text": "\r\nepilogue", "text-alone": "epilogue", "lf": "\n", "cr": "\r", "cr-cr": "\r\r",
                         "two-crlf": "\r\n\r\n", "blank": " ", "blank-crlf": " \r\n",
                         "nul": "\0", "crlf-blank": "\r\n ", "third-dash": "-", "dashes": "--",
                         "tab": "\t\r\n"}.items():
        add(f"behind-{name}", good[:-2] + raw(behind), "multipart_epilogue")
    add("behind-another-body", good + good, "multipart_epilogue")
    add("behind-another-part", good + line + b"x\r\n", "multipart_epilogue")
    for name, size in {"all": 0, "first-dash": 1, "first-boundary": len(line) - 2, "first-line": len(line),
                       "in-header": len(line) + 12, "header-line": 56, "in-empty-line": 57,
                       "header": 58, "in-data": 59, "in-delimiter": 66, "second-line": good.index(line, 5) + len(line),
                       "last-line": len(good) - 4 - len(BOUNDARY) - 2,
                       "last-boundary": len(good) - 4, "last-dash": len(good) - 3}.items():
        add(f"cut-{name}", good[:size], "multipart_unfinished")
    add("open-last-line", good[:-4] + b"\r\n", "multipart_unfinished")
    for name, behind in {"blank": " \r\n", "tab": "\t\r\n", "one-dash": "-\r\n", "one-dash-x": "-x", "letter": "x\r\n",
                         "crlf-behind-blank": " ", "nul": "\0\r\n", "colon": ":\r\n",
                         "dash-cr": "-\r"}.items():
        add(f"first-line-{name}", raw(f"--{BOUNDARY}") + raw(behind) + good[len(line):],
            "multipart_delimiter_malformed")
        add(f"second-line-{name}", good.replace(b"\r\n" + line, b"\r\n" + line[:-2] + raw(behind)),
            "multipart_delimiter_malformed")
    add("last-line-one-dash", good[:-3] + b"\r\n", "multipart_delimiter_malformed")
    for name, pieces in {"first-line-lf": good.replace(line, line[:-2] + b"\n", 1),
                         "first-line-cr": good.replace(line, line[:-2] + b"\r", 1),
                         "first-line-cr-cr-lf": good.replace(line, line[:-2] + b"\r\r\n", 1),
                         "second-line-lf": good.replace(b"\r\n" + line, b"\r\n" + line[:-2] + b"\n"),
                         "second-line-cr": good.replace(b"\r\n" + line, b"\r\n" + line[:-2] + b"\rC"),
                         "before-second-lf": good.replace(b"v\r\n--", b"v\n--", 1),
                         "before-second-cr": good.replace(b"v\r\n--", b"v\r--", 1),
                         "before-last-lf": good.replace(b"\r\n" + last, b"\n" + last),
                         "before-last-cr": good.replace(b"\r\n" + last, b"\r" + last),
                         "all-lf": good.replace(b"\r\n", b"\n"), "all-cr": good.replace(b"\r\n", b"\r"),
                         "header-lf": good.replace(b'"a"\r\n', b'"a"\n'),
                         "header-cr": good.replace(b'"a"\r\n', b'"a"\r'),
                         "header-cr-inside": good.replace(b'"a"\r\n', b'"a\rb"\r\n'),
                         "empty-line-lf": good.replace(b'"a"\r\n\r\n', b'"a"\r\n\n'),
                         "empty-line-cr": good.replace(b'"a"\r\n\r\n', b'"a"\r\n\rv'),
                         "type-line-lf": good.replace(b"jpeg\r\n", b"jpeg\n"),
                         "lf-crlf-before-second": good.replace(b"v\r\n--", b"v\n--", 1)}.items():
        add(f"newline-{name}", pieces, "multipart_bare_newline")
    add("only-last", close(), "multipart_empty")
    add("only-last-without-crlf", close(behind=""), "multipart_empty")
    add("only-last-and-text", close(behind="\r\nx"), "multipart_empty")
    add("first-then-last", line + last + b"\r\n", "multipart_unfinished")
    add("first-empty-last", line + b"\r\n" + last, "part_disposition_missing", "part 1")
    add("line-twice", line + good, "part_header_malformed", "part 1")


def inside(cases):
    here = f"--{BOUNDARY}"
    for name, content in {"alone": here, "and-text": here + "x", "text-before": "x" + here,
                          "crlf-before-text-behind": f"v\r\n{here}x", "blank-behind": f"v{here} ",
                          "in-a-line": f"one {here} two", "closing": f"x{here}--", "line": f"x{here}\r\n",
                          "nested": f"x{here}{here}", "more-dashes": f"x--{here}"}.items():
        reason = "multipart_delimiter_malformed" if name == "crlf-before-text-behind" else "multipart_boundary_in_part"
        cases.add(f"boundary-in-text-{name}", "boundary in a part", body(text("a", raw(content)), text("b")), reason,
                  None if "delim" in reason else "part 'a'")
        cases.add(f"boundary-in-file-{name}", "boundary in a part", body(file("f", content=raw(content)), text("b")),
                  reason, None if "delim" in reason else "part 'f'")
    for name, content in {"lf": f"v\n{here}x", "cr": f"v\r{here}x", "lf-line": f"v\n{here}\r\n{CD}name=\"z\"\r\n\r\nq",
                          "lf-last": f"v\n{here}--\r\n"}.items():
        cases.add(f"boundary-behind-{name}", "boundary in a part", body(text("a", raw(content)), text("b")),
                  "multipart_bare_newline", "part 'a'")
    for name, head in {"name": f'{CD}name="a{here}"', "file-name": f'{CD}name="a"; filename="{here}"{IMAGE}',
                       "type": f'{CD}name="a"; filename="f"\r\nContent-Type: image/{here}'}.items():
        cases.add(f"boundary-in-head-{name}", "boundary in a part", body(part(head)))
    no_crlf = [raw(f'--{BOUNDARY}\r\n{CD}name="a"\r\n\r\n')]
    cases.add("empty-without-crlf", "boundary in a part", no_crlf + close(), "multipart_boundary_in_part", "part 'a'")
    for name, content in {"boundary-alone": BOUNDARY, "one-dash": f"\r\n-{BOUNDARY[4:]}x",
                          "less-one": "\r\n" + here[:-1], "less-one-crlf": "\r\n" + here[:-1] + "\r\n",
                          "other-case": here.upper(),
                          "cr": "\r", "lf": "\n", "crlf": "\r\n", "crlf-crlf": "\r\n\r\n", "cr-cr-lf": "\r\r\n",
                          "lf-cr": "\n\r", "dashes": "--", "crlf-dashes": "\r\n--", "dash": "-",
                          "many-dashes": "-" * 90, "crlf-many-dashes": "\r\n" + "-" * 90,
                          "head": f'\r\n\r\n{CD}name="b"\r\n\r\n', "ends-crlf": "v\r\n", "ends-cr": "v\r",
                          "ends-half": "v\r\n--" + BOUNDARY[:5],
                          "halves": ("\r\n" + here[:-1]) * 6, "dashes-and-half": "------" + here[:-2]}.items():
        cases.add(f"like-boundary-text-{name}", "nearly a boundary", body(text("a", raw(content)), text("b")))
        cases.add(f"like-boundary-file-{name}", "nearly a boundary", body(file("f", content=raw(content)), text("b")))
    for name, boundary, content in (("self-overlap", "abab", "\r\n--aba\r\n--ab\r\n--aba"),
                                    ("dash-run", "--x", "\r\n---\r\n----\r\n---x-"),
                                    ("short", "q", "\r\n--\r\n--r-q\r\n-q"),
                                    ("dashes-last", "x--", "\r\n--x-\r\n--x\r\n--x-x--")):
        cases.add(f"like-boundary-{name}", "nearly a boundary",
                  body(text("a", raw(content), boundary), boundary=boundary),
                  content_type=f"multipart/form-data; boundary={boundary}")


def heads(cases):
    def bad(name, reason, head, label="part 2"):
        cases.add(f"head-{name}", "part header", body(text("first"), part(head)), reason, label)

    def good(name, head):
        cases.add(f"head-{name}", "part header", body(text("first"), part(head)))

    whole = f'{CD}name="f"; filename="x.png"{IMAGE}'
    good("lower-case", whole.replace("Content-", "content-").replace("Disp", "disp").replace("Type", "type"))
    good("upper-case", f'CONTENT-DISPOSITION: form-data; name="f"; filename="x"\r\nCONTENT-TYPE: image/png')
    good("type-first", f'Content-Type: image/png\r\n{CD}name="f"; filename="x.png"')
    good("name-128", f'{CD}name="{"n" * 128}"')
    good("name-signs", f'{CD}name="A-z_0.9"')
    good("name-underscore", f'{CD}name="_x"')
    good("file-name-255", f'{CD}name="f"; filename="{"x" * 251}.png"{IMAGE}')
    good("type-127", f'{CD}name="f"; filename="x"\r\nContent-Type: image/{"y" * 121}')
    good("type-signs", f'{CD}name="f"; filename="x"\r\nContent-Type: application/vnd.a-b+c_d')
    for name, head in {"name-and-colon": f"{whole}\r\n: b", "no-colon": f"{whole}\r\nnothing",
                       "blank-before-colon": whole.replace("Disposition:", "Disposition :"),
                       "no-blank": whole.replace(": form", ":form"),
                       "two-blanks": whole.replace(": form", ":  form"), "tab": whole.replace(": form", ":\tform"),
                       "trailing-blank": f"{whole} ", "empty-value": f"{whole}\r\nX-A:",
                       "blank-value": f"{whole}\r\nX-A: ",
                       "nul": f"{whole}\r\nX-A: a\0b", "control": f"{whole}\r\nX-A: a\1b",
                       "delete": f"{whole}\r\nX-A: a\x7fb", "tab-inside": f"{whole}\r\nX-A: a\tb",
                       "latin-name": f"{whole}\r\nX-\u00c4: b",
                       "blank-in-name": f"{whole}\r\nX A: b"}.items():
        bad(name, "part_header_malformed", head, "part")
    for name, fold in {"blank": "\r\n ", "tab": "\r\n\t", "blanks": "\r\n    "}.items():
        bad(f"folded-{name}", "part_header_folded", whole.replace("; filename", f";{fold}filename"), "part")
        bad(f"folded-first-{name}", "part_header_folded", fold[2:] + whole)
    for name in ("X-Extra", "Content-Length", "Content-ID", "Content-Description", "Content-Language",
                 "Content-Encoding", "MIME-Version", "Content-Location", "Host"):
        bad(f"unknown-{name.lower()}", "part_header_unknown", f"{whole}\r\n{name}: 1", "part 'f'")
    for value in ("binary", "7bit", "8bit", "base64", "quoted-printable"):
        bad(f"encoding-{value}", "part_transfer_encoding", f"{whole}\r\nContent-Transfer-Encoding: {value}", "part 'f'")
    bad("encoding-first", "part_transfer_encoding", f"content-transfer-encoding: binary\r\n{whole}", "part 'f'")
    # The first line that means nothing decides, and the part's name is waited for.
    bad("unknown-first", "part_header_unknown", f"X-A: b\r\n{whole}", "part 'f'")
    bad("unknown-then-encoding", "part_header_unknown", f"X-A: b\r\nContent-Transfer-Encoding: 8bit\r\n{whole}",
        "part 'f'")
    bad("encoding-then-unknown", "part_transfer_encoding", f"Content-Transfer-Encoding: 8bit\r\nX-A: b\r\n{whole}",
        "part 'f'")
    bad("unknown-then-malformed", "part_header_unknown", f"X-A: b\r\n{whole}\r\nX-B:", "part 'f'")
    bad("unknown-then-folded", "part_header_unknown", f"X-A: b\r\n c\r\n{whole}".replace("b\r\n c", "b\r\nX-B: c\r\n d"))
    bad("unknown-alone", "part_header_unknown", "X-A: b")
    bad("unknown-without-name", "part_header_unknown", "X-A: b\r\nContent-Disposition: form-data")
    bad("unknown-and-bad-name", "part_header_unknown", f'X-A: b\r\n{CD}name="a b"')
    bad("unknown-and-no-type", "part_header_unknown", f'{CD}name="f"; filename="x"\r\nX-A: b', "part 'f'")
    bad("unknown-and-bad-type", "part_header_unknown", f'{CD}name="f"; filename="x"\r\nContent-Type: x\r\nX-A: b',
        "part 'f'")
    cases.add("head-unknown-cut", "part header",
              [*text("first"), raw(f"--{BOUNDARY}\r\n{CD}name=\"f\"\r\nX-A: b\r\nContent-T")], "part_header_unknown",
              "part 'f'")
    bad("two-dispositions", "part_header_repeated", f'{CD}name="f"; filename="x"\r\n{CD}name="g"; filename="y"{IMAGE}',
        "part 'f'")
    bad("two-dispositions-same", "part_header_repeated", f'{CD}name="f"\r\n{CD}name="f"', "part 'f'")
    bad("two-dispositions-case", "part_header_repeated", f'{CD}name="f"\r\ncontent-disposition: form-data; name="g"',
        "part 'f'")
    bad("two-types", "part_header_repeated", f"{whole}{IMAGE}", "part 'f'")
    bad("two-types-case", "part_header_repeated", f"{whole}\r\ncontent-type: image/jpeg", "part 'f'")
    for name, head in {"type-only": "Content-Type: image/png", "none": ""}.items():
        bad(f"no-disposition-{name}", "part_disposition_missing", head)
    for size in (2048, 4096, 20000):
        cases.add(f"head-too-large-{size}", "part header",
                  body(text("first"), part(f'{CD}name="a"; filename="{"x" * size}"{IMAGE}')), "part_header_too_large",
                  "part 2")
    cases.add("head-too-large-endless", "part header",
              [*text("first"), raw(f"--{BOUNDARY}\r\n"), Repeat("X-A: b\r\n", 400)], "part_header_unknown", "part 2")
    cases.add("head-too-large-line", "part header", [*text("first"), raw(f"--{BOUNDARY}\r\nX-A: "), Repeat("b", 5000)],
              "part_header_too_large", "part 2")


def dispositions(cases):
    def bad(name, reason, value, label="part 2"):
        cases.add(f"disposition-{name}", "content disposition",
                  body(text("first"), part(f"Content-Disposition: {value}{IMAGE}")), reason, label)

    for name, value in {"attachment": 'attachment; name="f"; filename="x"', "file": 'file; name="f"',
                        "capitals": 'Form-Data; name="f"; filename="x"', "longer": 'form-datax; name="f"',
                        "no-blank": 'form-data;name="f"', "two-blanks": 'form-data;  name="f"',
                        "blank-before-semicolon": 'form-data ; name="f"',
                        "bare-name": "form-data; name=f", "bare-file-name": 'form-data; name="f"; filename=x',
                        "single-quotes": "form-data; name='f'", "blank-around-equals": 'form-data; name = "f"',
                        "trailing-semicolon": 'form-data; name="f";',
                        "empty-parameter": 'form-data; name="f";; filename="x"', "no-value": "form-data; name",
                        "no-equals": 'form-data; name="f"; filename',
                        "open-quote": 'form-data; name="f', "open-file-quote": 'form-data; name="f"; filename="x',
                        "junk-behind-quote": 'form-data; name="f"x; filename="y"',
                        "file-name-first": 'form-data; filename="x"; name="f"', "comma": 'form-data, name="f"',
                        "trailing-text": 'form-data; name="f" x'}.items():
        bad(name, "part_disposition_malformed", value, "part")
    bad("tab", "part_header_malformed", 'form-data;\tname="f"')
    bad("two-quotes", "part_name_empty", 'form-data; name=""f""')
    bad("escaped-quote-name", "part_name_invalid", 'form-data; name="a\\"b"')
    for name, value in {"name": 'form-data; name="f"; name="g"', "name-same": 'form-data; name="f"; name="f"',
                        "name-around": 'form-data; name="f"; filename="x"; name="g"',
                        "file-name": 'form-data; name="f"; filename="x"; filename="y"',
                        "file-name-same": 'form-data; name="f"; filename="x"; filename="x"'}.items():
        bad(f"repeats-{name}", "part_parameter_repeated", value, "part 'f'")
    for name, value in {"size": 'form-data; name="f"; filename="x"; size="3"', "first": 'form-data; x="1"; name="f"',
                        "name-capitals": 'form-data; NAME="f"',
                        "file-name-capitals": 'form-data; name="f"; FileName="x"',
                        "x-name": 'form-data; x-name="q"; name="f"',
                        "x-filename": 'form-data; name="f"; x-filename="q"',
                        "name-star": "form-data; name*=\"UTF-8''f\"",
                        "filename-0": 'form-data; name="f"; filename*0="x"',
                        "creation-date": 'form-data; name="f"; filename="x"; creation-date="now"'}.items():
        bad(f"unknown-{name}", "part_parameter_unknown", value, "part")
    for name, value in {"alone": "form-data; name=\"f\"; filename*=UTF-8''x.png",
                        "behind": "form-data; name=\"f\"; filename=\"x\"; filename*=UTF-8''x.png",
                        "before": "form-data; name=\"f\"; filename*=UTF-8''x.png; filename=\"x\"",
                        "quoted": 'form-data; name="f"; filename*="x"'}.items():
        bad(f"extended-{name}", "part_filename_extended", value, "part 'f'")
    cases.add("name-missing", "names", body(text("first"), part("Content-Disposition: form-data")), "part_name_missing",
              "part 2")
    cases.add("name-missing-file", "names",
              body(text("first"), part(f'Content-Disposition: form-data; filename="x"{IMAGE}')), "part_name_missing",
              "part 2")
    cases.add("name-empty", "names", body(text("first"), text("")), "part_name_empty", "part 2")
    cases.add("name-empty-file", "names", body(text("first"), file("")), "part_name_empty", "part 2")
    cases.add("name-charset", "names", body(text("first"), text("_charset_", b"utf-8")), "part_charset_field", "part 2")
    cases.add("name-charset-latin", "names", body(text("_charset_", b"iso-8859-1"), text("second")),
              "part_charset_field", "part 1")
    for name in ("a b", " a", "a ", "a[b]", "a[]", "a;b", "a=b", "a/b", "a\\b", "a'b", "a:b", "a,b", "a+b", "a*b",
                 "a%22b", "a%41", "a&#65;", "\u00e9", "a@b", "(a)", "a?b", "a<b>", "a|b", "~a", "n" * 129,
                 "n" * 300, "__proto__"):
        cases.add(f"name-{name[:20]}-{len(name)}", "names", body(text("first"), text(name)), "part_name_invalid",
                  "part 2")
    for name in ("__x", "__defineGetter__", "constructor", "toString", "valueOf", "hasOwnProperty", "length", "then",
                 "0", "-", "..", "_charset", "charset_"):
        cases.add(f"name-fine-{name}", "names", body(text("first"), text(name)))
        cases.add(f"name-fine-{name}-file", "names", body(text("first"), file(name)))
    for first, second in ((text("a"), text("a")), (text("a"), file("a")), (file("a"), text("a")),
                          (file("a"), file("a", "g.jpg"))):
        cases.add(f"name-twice-{len(cases.rows)}", "names", body(first, text("b"), second), "part_name_repeated",
                  "part 'a'")
    cases.add("names-alike", "names", body(text("a"), text("a-"), text("a_"), text("aa"), text("-a"), file("_a")))
    # Names that meet for PHP (`.` is `_`), ASP.NET and others (case does not count).
    for first, second in (("a", "A"), ("idImage", "IDIMAGE"), ("a.b", "a_b"), ("a_", "a."), ("A.b", "a_B"),
                          ("..", "__"), ("email", "eMail")):
        for kinds, one, two in (("texts", text(first), text(second)), ("files", file(first), file(second)),
                                ("both", text(first), file(second)), ("turned", file(second), text(first))):
            cases.add(f"names-meet-{first}-{second}-{kinds}", "names", body(text("x"), one, text("y"), two),
                      "part_name_repeated", f"part '{first if kinds == 'turned' else second}' repeats a name")


def file_names(cases):
    def add(name, file_name, reason=None):
        cases.add(f"file-name-{name}", "file names", body(text("first"), file("f", file_name)), reason,
                  "part 'f'" if reason else None)

    for name, value in {"plain": "id.jpg", "no-ending": "id", "blank-inside": "my id.jpg",
                        "utf-8": "\uc2e0\ubd84\uc99d.jpg", "accent": "e\u0301t\u00e9.jpg", "emoji": "\U0001f600.jpg",
                        "quote": "it's.jpg", "parentheses": "id (1).jpg",
                        "comma": "a,b.jpg", "equals": "a=b.jpg", "at": "a@2x.jpg", "percent": "100%.jpg",
                        "ampersand": "a&b.jpg", "plus": "a+b.jpg", "hash": "#1.jpg", "braces": "{a}[b].jpg",
                        "tilde": "~a.jpg", "dots": "a..b.jpg",
                        "dash": "-.jpg", "bytes-255": "\u00e9" * 125 + "x.jpg", "three-dots": "...", "blob": "blob",
                        "dollar": "$a!^`.jpg", "no-entity": "R&D.jpg", "no-entity-blank": "a & ; b.jpg",
                        "no-entity-semicolon": "a;b&c.jpg", "no-entity-empty": "a&;b.jpg", "no-entity-end": "a&",
                        "no-entity-cut": "a&co&am&q.jpg", "no-entity-two": "a&b &c ;d",
                        "colon": "a:b", "drive": "C:id.jpg", "star": "a*.jpg", "question": "a?.jpg", "angle": "<a>.jpg",
                        "parameter": "a; filename=b", "percent-2f": "a%2Fb",
                        "percent-00": "a%00.jpg", "percent-41": "%41.jpg",  "blank": " ",
                        "mark-inside": "a\ufeff.jpg"}.items():
        add(name, value)
    for name, value in {"empty": "", "slash": "a/b.jpg", "path": "/etc/passwd", "up": "../id.jpg",
                        "backslash": "a\\b.jpg", "drive-path": "C:\\id.jpg",
                        "percent-22": "a%22b.jpg", "percent-0a": "a%0Ab", "percent-0d": "a%0db",
                        "percent-0d0a": "%0d%0A", "entity-34": "a&#34;b.jpg", "entity-1234": "a&#1234;",
                        "entity-hex": "a&#x22;b.jpg", "entity-bare-number": "a&#47b.jpg", "entity-amp": "a&amp;b.jpg",
                        "entity-quot": "a&quot;b.jpg", "entity-slash": "..&sol;id.jpg",
                        "entity-backslash": "a&bsol;b.jpg", "entity-new": "a&newentity;b.jpg", "entity-last": "a&lt;",
                        "entity-second": "a&b&amp;c.jpg", "entity-long": "a&CounterClockwiseContourIntegral;.jpg",
                        "entity-bare-amp": "a&amp.jpg", "entity-bare-copy": "a&copyright.jpg",
                        "entity-bare-gt": "a&gt", "entity-bare-last": "a&yuml.jpg", "entity-bare-first": "&AEligx.jpg",
                        "dot": ".", "dot-dot": "..", "bytes-256": "x" * 256, "latin-1": b"\xe9.jpg",
                        "overlong": b"a\xc0\xafb", "surrogate": b"\xed\xa0\x80", "cut-utf-8": b"a\xe2\x82",
                        "line-separator": "a\u2028b.jpg",
                        "paragraph-separator": "a\u2029b.jpg", "byte-order-mark": "\ufeffa.jpg",
                        "escaped": "a\\"}.items():
        add(name, value, "part_filename_invalid")
    for name, value in {"nul": "a\0b", "tab": "a\tb", "escape": "a\x1bb", "delete": "a\x7fb"}.items():
        cases.add(f"file-name-{name}", "file names", body(text("first"), file("f", value)), "part_header_malformed",
                  "part")
    cases.add("file-name-escaped-quote", "file names", body(text("first"), file("f", 'a\\"b.jpg')),
              "part_filename_invalid", "part 'f'")
    cases.add("file-name-double-quote", "file names", body(text("first"), file("f", 'a"b.jpg')),
              "part_disposition_malformed", "part 'f'")


def part_types(cases):
    for kind in ("text/plain", "text/plain; charset=utf-8", "application/json", "application/octet-stream",
                 "image/png"):
        cases.add(f"text-type-{kind}", "part types", body(text("first"), part(f'{CD}name="t"\r\nContent-Type: {kind}')),
                  "part_type_unexpected", "part 't'")
        cases.add(f"text-type-first-{kind}", "part types",
                  body(text("first"), part(f'Content-Type: {kind}\r\n{CD}name="t"')), "part_type_unexpected",
                  "part 't'")
        for extra in ("Content-Length: 1", "Content-Transfer-Encoding: 8bit"):
            cases.add(f"text-type-{extra[8:14]}-{kind}", "part types",
                      body(text("first"), part(f'{CD}name="t"\r\n{extra}\r\nContent-Type: {kind}')),
                      "part_type_unexpected", "part 't'")
    for kind in ("nothing", "a b", "/", "text/plain;"):
        cases.add(f"text-type-no-type-{kind}", "part types",
                  body(text("first"), part(f'{CD}name="t"\r\nContent-Type: {kind}')), "part_type_unexpected", "part 't'")
    cases.add("file-type-missing", "part types", body(text("first"), part(f'{CD}name="f"; filename="x.jpg"')),
              "part_type_missing", "part 'f'")
    cases.add("file-type-missing-alone", "part types", body(part(f'{CD}name="f"; filename="x.jpg"')),
              "part_type_missing", "part 'f'")
    for kind in ("image", "/", "image/", "/png", "image/png/x", "image/png; charset=utf-8", "image/png;q=1",
                 "image png", "image/p ng", "image/png,", 'image/"png"', "image/p(ng)", "*/*", "im\u00e4ge/png",
                 "image/" + "y" * 122):
        cases.add(f"file-type-{kind[:24]}", "part types", body(text("first"), file("f", kind=kind)),
                  "part_type_malformed", "part 'f'")
    for kind in ("multipart/mixed", "multipart/form-data", "multipart/mixed; boundary=q", "Multipart/Mixed",
                 "multipart/x"):
        cases.add(f"nested-{kind[:24]}", "part types",
                  body(text("first"), file("f", kind=kind, content=b"--q\r\n\r\nx\r\n--q--")), "part_nested",
                  "part 'f'")
    for name, value in {"empty": b"", "utf-8": "Mina \u00d3kafor \uc2e0", "emoji": "\U0001f600",
                        "newlines": "a\r\nb\nc\rd", "controls": "\x01\x1f\x7f\t", "mark-inside": "a\ufeff",
                        "replacement": "\ufffd", "noncharacter": "\uffff", "separator": "\u2028"}.items():
        cases.add(f"text-{name}", "text", body(text("t", raw(value)), text("last")))
    for name, value in {"nul": b"a\0b", "nul-alone": b"\0", "latin-1": b"caf\xe9", "latin-1-inside": b"caf\xe9s",
                        "overlong": b"\xc0\x80", "surrogate": b"\xed\xa0\x80x", "cut": b"a\xe2\x82",
                        "lone-continuation": b"\x80", "above": b"\xf4\x90\x80\x80",
                        "ff": b"\xff", "byte-order-mark": b"\xef\xbb\xbfa", "byte-order-mark-alone": b"\xef\xbb\xbf",
                        "utf-16": b"\xff\xfea\0"}.items():
        cases.add(f"text-{name}", "text", body(text("first"), text("t", value), text("last")), "part_text_invalid",
                  "part 't'")


def make(cases):
    for group in (content_types, around, inside, heads, dispositions, file_names, part_types):
        group(cases)
