"""Sizes, files, pictures, fields of the operations, and bodies of real clients."""

import json
import pathlib

import pictures
from parts import BOUNDARY, FIELDS, Picture, Repeat, body, close, file, part, raw, step1, text

RULES = {
    "enforce": {"validation": "enforce"},
    "report": {"validation": "report"},
    "off": {"validation": "off"},
    "small": {"validation": "enforce", "file_bytes": 1024, "field_bytes": 64, "parts": 5, "max_pixels": 10_000},
    "small-off": {"validation": "off", "file_bytes": 1024, "field_bytes": 64, "parts": 5, "max_pixels": 10_000},
    "only-png": {"validation": "enforce", "content_types": ["image/png"]},
    "only-jpeg": {"validation": "enforce", "content_types": ["image/jpeg"]},
}
STEP2 = (("submissionId", "sbx1a2b3c4d5e6"), ("name", "Okafor, Mina"), ("date_of_birth", "1991-04-02"))


def padded(size):
    return pictures.jpeg(extra=pictures.segment(0xFE, bytes(size - len(pictures.jpeg()) - 4)))


def sizes(cases):
    def add(name, pieces, reason=None, part=None, rules="small-off"):
        cases.add(f"size-{name}", "sizes", pieces, reason, part, rules=rules)

    add("text-64", body(text("a", b"x" * 64)))
    add("text-65", body(text("a", b"x" * 65)), "field_too_large", "part 'a'")
    add("text-100", body(text("first"), text("a", b"x" * 100), text("b")), "field_too_large", "part 'a'")
    add("text-64-of-four-bytes", body(text("a", "\U0001f600" * 16)))
    add("text-65-ends-crlf", body(text("a", b"x" * 63 + b"\r\n")), "field_too_large", "part 'a'")
    add("text-never-ends", [*text("first"), *part('Content-Disposition: form-data; name="a"', [Repeat("y", 400)])],
        "field_too_large", "part 'a'")
    add("file-1024", body(file("f", content=[Repeat("x", 1024)])))
    add("file-1025", body(file("f", content=[Repeat("x", 1025)])), "file_too_large", "part 'f'")
    add("file-1025-second", body(file("f"), file("g", content=[Repeat("x", 1025)])), "file_too_large", "part 'g'")
    add("file-never-ends", file("f", content=[Repeat("-", 3000)]), "file_too_large", "part 'f'")
    add("picture-with-1024", step1(padded(1024)), rules="small")
    add("picture-with-1025", step1(padded(1025)), "file_too_large", "part 'idImage'", "small")
    add("parts-5", body(*[text(f"p{n}") for n in range(5)]))
    add("parts-6", body(*[text(f"p{n}") for n in range(6)]), "too_many_parts", "5 parts")
    add("parts-9", body(*[text(f"p{n}") for n in range(9)]), "too_many_parts", "5 parts")
    add("parts-64", body(*[text(f"p{n}") for n in range(64)]), rules="off")
    add("parts-65", body(*[text(f"p{n}") for n in range(65)]), "too_many_parts", "64 parts", "off")
    # Two faults in one body: the one that stands first in it decides, however the bytes come.
    add("bad-text-then-long", body(text("a", b"\xff" + b"x" * 80)), "part_text_invalid", "part 'a'")
    add("long-then-bad-text", body(text("a", b"x" * 70 + b"\xff")), "field_too_large", "part 'a'")
    add("bad-text-then-boundary", body(text("a", raw(f"\0--{BOUNDARY}"))), "part_text_invalid", "part 'a'")
    add("boundary-then-bad-text", body(text("a", raw(f"--{BOUNDARY}\0"))), "multipart_boundary_in_part", "part 'a'")
    add("no-picture-then-long", body(*[text(*pair) for pair in FIELDS], file("idImage", "id.jpg", [Repeat("x", 1100)])),
        "file_type_not_allowed", "part 'idImage'", "small")
    add("no-picture-then-boundary", step1(raw(f"GIF89a--{BOUNDARY}x")), "file_type_not_allowed", "part 'idImage'",
        "enforce")
    add("boundary-then-no-picture", step1(raw(f"--{BOUNDARY}GIF89a")), "multipart_boundary_in_part", "part 'idImage'",
        "enforce")
    add("long-then-boundary", body(text("a", b"x" * 70 + raw(f"--{BOUNDARY}"))), "field_too_large", "part 'a'")
    add("trailing-then-boundary", step1(pictures.jpeg() + raw(f"x--{BOUNDARY}")), "image_trailing_data",
        "part 'idImage'", "enforce")
    add("bad-text-then-lf-boundary", body(text("a", raw(f"\0\n--{BOUNDARY}x"))), "part_text_invalid", "part 'a'")
    add("bad-text-then-bad-line", [*text("a", b"\0")[:-1], raw(f"\r\n--{BOUNDARY}x")], "part_text_invalid", "part 'a'")
    add("cut-text-then-boundary", body(text("a", b"\xe2\x82" + raw(f"--{BOUNDARY}"))), "multipart_boundary_in_part",
        "part 'a'")


def files(cases):
    def add(name, reason=None, picture="jpeg", file_name="id.jpg", kind="image/jpeg", rules="enforce",
            label="part 'idImage'"):
        cases.add(f"file-{name}", "files", step1(picture, file_name, kind), reason, label if reason else None,
                  rules=rules)

    for name in ("id.jpg", "id.jpeg", "id.JPG", "ID.JPEG", "id.jpe", "id.jfif", "id", "blob", "a.b.jpg"):
        add(f"jpeg-named-{name}", file_name=name)
    for name in ("john.smith", "id.jpg.", "upload.tmp", "IMG.2024"):
        add(f"jpeg-named-{name}", file_name=name)
    for name in ("id.png", "id.PNG", "id", "x.jpg.png"):
        add(f"png-named-{name}", picture="png", kind="image/png", file_name=name)
    for name in ("id.png", "id.gif", "id.pdf", "id.exe", "id.jpg.png", "id.html", "id.svg", "id.jpg.php"):
        add(f"jpeg-misnamed-{name}", "file_name_mismatch", file_name=name)
    for name in ("id.jpg", "id.jpeg", "id.gif", "id.png.exe"):
        add(f"png-misnamed-{name}", "file_name_mismatch", "png", name, "image/png")
    for kind in ("image/jpg", "IMAGE/JPEG", "Image/Jpg"):
        add(f"jpeg-declared-{kind}", kind=kind)
    add("png-declared-capitals", picture="png", file_name="id.png", kind="IMAGE/PNG")
    add("jpeg-declared-png", "file_type_mismatch", kind="image/png")
    add("jpeg-declared-png-named-png", "file_type_mismatch", file_name="id.png", kind="image/png")
    add("png-declared-jpeg", "file_type_mismatch", "png")
    add("png-declared-jpg-named-png", "file_type_mismatch", "png", "id.png", "image/jpg")
    add("jpeg-undeclared", kind="application/octet-stream")
    add("png-undeclared", None, "png", "id.png", "Application/Octet-Stream")
    add("jpeg-undeclared-misnamed", "file_name_mismatch", file_name="id.png", kind="application/octet-stream")
    add("text-undeclared", "file_type_not_allowed", b"no picture at all", kind="application/octet-stream")
    for kind in ("image/gif", "application/octet", "application/pdf", "text/plain", "image/webp",
                 "image/svg+xml", "image/pjpeg", "image/x-png", "image/heic"):
        add(f"declared-{kind}", "file_type_not_allowed", kind=kind)
    for name, content in pictures.OTHERS.items():
        add(f"content-{name}", "file_type_not_allowed", content)
        add(f"content-{name}-as-png", "file_type_not_allowed", content, "id.png", "image/png")
    for name, content in {"jpeg-magic-2": b"\xff\xd8", "png-magic-7": pictures.MAGIC[:7],
                          "png-magic-1": b"\x89"}.items():
        add(f"only-{name}", "file_type_not_allowed", content)
    add("empty", "file_empty", b"")
    add("empty-png", "file_empty", b"", "id.png", "image/png")
    add("only-png-jpeg", "file_type_not_allowed", rules="only-png")
    add("only-png-png", None, "png", "id.png", "image/png", "only-png")
    add("only-jpeg-png", "file_type_not_allowed", "png", "id.png", "image/png", "only-jpeg")
    add("only-jpeg-jpeg", rules="only-jpeg")
    add("only-png-jpeg-declared-png", "file_type_not_allowed", "jpeg", "id.png", "image/png", "only-png")
    for name, kind in (("first", "image/png"), ("second", "image/jpeg")):
        cases.add(f"file-two-bad-{name}", "files",
                  body(*[text(*pair) for pair in FIELDS], file("idImage", "id.jpg", [Picture("jpeg")]),
                       file("idBackImage", "back.png", [Picture("jpeg" if name == "first" else "png")], kind)),
                  "file_type_mismatch", "part 'idBackImage'", rules="enforce")
    cases.add("file-two-good", "files",
              body(*[text(*pair) for pair in FIELDS], file("idImage", "id.jpg", [Picture("jpeg")]),
                   file("idBackImage", "back.png", [Picture("png")], "image/png")), rules="enforce")
    for rules in ("report", "off"):
        for name, picture, kind in (("no-picture", b"GIF89a", "image/jpeg"), ("mismatch", "jpeg", "image/png"),
                                    ("empty", b"", "image/jpeg"), ("declared", "jpeg", "text/plain"),
                                    ("cut", pictures.jpeg()[:90], "image/jpeg"),
                                    ("tail", pictures.jpeg() + b"x", "image/jpeg"),
                                    ("bomb", pictures.jpeg(60000, 60000), "image/jpeg")):
            add(f"passes-{rules}-{name}", None, picture, "id.gif", kind, rules)
    for name in pictures.good_jpegs():
        cases.add(f"good-{name}", "pictures", step1(name), rules="enforce")
    for name in pictures.good_pngs():
        cases.add(f"good-{name}", "pictures", step1(name, "id.png", "image/png"), rules="enforce")
    for table, name, kind in ((pictures.broken_jpegs(), "id.jpg", "image/jpeg"),
                              (pictures.broken_pngs(), "id.png", "image/png")):
        for what, (content, reason) in table.items():
            cases.add(f"bad-{what}", "pictures", step1(content, name, kind), reason, "part 'idImage'", rules="enforce")
    for name, width, height, reason in (("100x100", 100, 100, None), ("101x100", 101, 100, "image_too_many_pixels"),
                                        ("10000x1", 10000, 1, None), ("1x10001", 1, 10001, "image_too_many_pixels")):
        cases.add(f"pixels-jpeg-{name}", "pictures", step1(pictures.jpeg(width, height)), reason,
                  "10000 pixels" if reason else None, rules="small")
        cases.add(f"pixels-png-{name}", "pictures",
                  step1(pictures.png(width=width, height=height), "id.png", "image/png"), reason,
                  "10000 pixels" if reason else None, rules="small")


def fields(cases):
    def step(name, given, bad=(), picture_name="idImage", operation="submit_step1", rules="enforce", extra=()):
        cases.add(f"fields-{name}", "fields", step1(fields=given, picture_name=picture_name, extra=extra),
                  "fields_invalid" if bad and rules == "enforce" else None,
                  None, rules=rules, operation=operation, fields=list(bad))

    def changed(fields_, **values):
        return tuple((name, values.get(name, value)) for name,
                     value in fields_) + tuple(pair for pair in values.items() if pair[0] not in dict(fields_))

    step("whole", FIELDS)
    step("all", changed(FIELDS, submissionId="sbx1", userid="u-1", cf1="a", cf2="b", cf3="\uc2e0"))
    step("order", FIELDS[::-1])
    step("unknown-text", changed(FIELDS, newer="thing"))
    for at, (name, _) in enumerate(FIELDS):
        step(f"without-{name}", FIELDS[:at] + FIELDS[at + 1:], [name])
    step("without-all", (), [name for name, _ in FIELDS])
    step("without-all-report", (), [name for name, _ in FIELDS], rules="report")
    step("without-all-off", (), rules="off")
    for name, values in {"issuingCountry": ("", "gha", "GH", "GHAN", "XXX", "123", "G\u00c1A"),
                         "email": ("", "mina", "mina@", "@example.test", "a b@example.test", "a@b@c.test", "a@-b.test",
                                   "a..b@example.test", "a" * 65 + "@example.test", "a@" + "b" * 250 + ".test"),
                         "idType": ("", "Passport", "passport ", "visa", "driving_license")}.items():
        for value in values:
            step(f"{name}-{value[:12]}-{len(value)}", changed(FIELDS, **{name: value}), [name])
    step("submissionId-long", changed(FIELDS, submissionId="s" * 129), ["submissionId"])
    step("userid-256", changed(FIELDS, userid="u" * 256))
    step("userid-257", changed(FIELDS, userid="u" * 257), ["userid"])
    step("cf1-1025", changed(FIELDS, cf1="c" * 1025), ["cf1"])
    step("two-bad", changed(FIELDS, email="x", idType="y"), ["email", "idType"])
    for name in ("EMAIL", "Email", "IDTYPE", "ISSUINGCOUNTRY"):
        known = {given.lower(): given for given, _ in FIELDS}[name.lower()]
        step(f"renamed-{name}", tuple((name if given == known else given, value) for given, value in FIELDS),
             [name, known])
    step("renamed-optional", changed(FIELDS, SubmissionID="\x01", Cf1="x"), ["SubmissionID", "Cf1"])
    cases.add("fields-renamed-file-as-text", "fields",
              body(*[text(*pair) for pair in FIELDS], text("IDIMAGE", b"x")), "fields_invalid", rules="enforce",
              fields=["IDIMAGE", "idImage"])
    step("renamed-report", changed(FIELDS, SubmissionID="x"), ["SubmissionID"], rules="report")
    step("renamed-off", changed(FIELDS, SubmissionID="x"), rules="off")
    step("nearly-known", changed(FIELDS, **{"email_": "x", "e-mail": "x", "emails": "x", "submission_id": "x"}))
    step("unknown-file", FIELDS, ["selfie"], extra=[file("selfie", "a.jpg", [Picture("jpeg")])])
    step("file-renamed", FIELDS, ["idimage", "idImage"], "idimage")
    cases.add("fields-no-file", "fields", body(*[text(*pair) for pair in FIELDS]), "fields_invalid", rules="enforce",
              fields=["idImage"])
    cases.add("fields-file-as-text", "fields", body(*[text(*pair) for pair in FIELDS], text("idImage", b"x")),
              "fields_invalid", rules="enforce", fields=["idImage"])
    cases.add("fields-text-as-file", "fields",
              body(*[text(*pair) for pair in FIELDS[1:]], file("issuingCountry", "x.jpg", [Picture("jpeg")]),
                   file("idImage", "id.jpg", [Picture("jpeg")])),
              "fields_invalid", rules="enforce", fields=["issuingCountry"])
    second = {"operation": "submit_step2", "picture_name": "faceImage"}
    step("step2", STEP2, **second)
    step("step2-all",
         changed(STEP2, gender="female", nationality="GHA", date_of_issue="2020-02-29", date_of_expiry="2030-01-14",
                 address_country="KOR", document_number="P1"), **second)
    for name in ("name", "date_of_birth", "submissionId"):
        step(f"step2-without-{name}", tuple(pair for pair in STEP2 if pair[0] != name), [name], **second)
    for value in ("1991-02-29", "1991-13-01", "1991-4-2", "1991/04/02", "02-04-1991", "1991-04-31", "1900-02-29",
                  "0000-01-01", "1991-04-02T00", ""):
        step(f"step2-born-{value.replace('/', '_')}", changed(STEP2, date_of_birth=value), ["date_of_birth"], **second)
    step("step2-gender", changed(STEP2, gender="f"), ["gender"], **second)
    step("step2-nationality", changed(STEP2, nationality="GHX"), ["nationality"], **second)
    cases.add("fields-address-form", "fields", body(text("address", b"1 Example-ro")), rules="enforce",
              operation="address_code")
    cases.add("fields-address-form-without", "fields", body(text("language", b"ko")), "fields_invalid", rules="enforce",
              operation="address_code", fields=["address"])
    for name, value, reason in (("good", '{"address":"1 Example-ro","language":"ko"}', None),
                                ("without", '{"language":"ko"}', "fields_invalid"),
                                ("twice", '{"address":"a","address":"b"}', "json_invalid"),
                                ("twice-by-case", '{"address":"a","Address":"b"}', "json_invalid"),
                                ("renamed", '{"Address":"a"}', "fields_invalid"),
                                ("unknown-by-case", '{"address":"a","x":{"b.c":1,"B_C":2}}', "json_invalid"),
                                ("cut", '{"address":"a"', "json_invalid"), ("list", '["address"]', "json_invalid"),
                                ("tail", '{"address":"a"}x', "json_invalid"), ("empty", "", "json_invalid")):
        cases.add(f"json-{name}", "json", raw(value), reason, content_type="application/json", rules="enforce",
                  operation="address_code")
    for name, value, reason in (("good", "address=1+Example-ro&language=ko", None),
                                ("without", "language=ko", "fields_invalid"),
                                ("renamed", "address=a&LANGUAGE=ko", "fields_invalid"),
                                ("trailing", "address=1+Example-ro&", None),
                                ("doubled", "address=a&&language=ko", "form_invalid"),
                                ("twice-by-case", "address=a&x.y=1&X_Y=2", "form_invalid"),
                                ("bad-escape", "address=%4", "form_invalid"),
                                ("bad-utf-8", "address=%ff", "form_invalid")):
        cases.add(f"form-{name}", "urlencoded", raw(value), reason, content_type="application/x-www-form-urlencoded",
                  rules="enforce", operation="address_code")


REFUSED = {"curl-quote-in-name": ("part_filename_invalid", "part 'idImage'"),
           "curl-text-with-type": ("part_type_unexpected", "part 'idType'"),
           "curl-no-file-type": ("part_type_unexpected", "part 'idImage'"),
           "fetch-quote": ("part_filename_invalid", "part 'idImage'"),
           "axios-object": ("part_type_unexpected", "part 'idImage'"),
           "form-data-buffer": ("part_type_unexpected", "part 'idImage'"),
           "form-data-text-type": ("part_type_unexpected", "part 'issuingCountry'"),
           "requests-open-file": ("part_type_missing", "part 'idImage'"),
           "requests-quote-in-name": ("part_filename_invalid", "part 'idImage'"),
           "httpx-quote-in-name": ("part_filename_invalid", "part 'idImage'"),
           "spring-default": ("part_type_unexpected", "part 'issuingCountry'"),
           "okhttp-form": ("part_header_unknown", "part 'issuingCountry'"),
           "okhttp-text-type": ("part_type_unexpected", "part 'issuingCountry'"),
           "apache-strict": ("part_type_unexpected", "part 'issuingCountry'")}


def dot_net(cases):
    """MultipartFormDataContent of .NET: the type of text, names without quotes, and the file name a second time."""
    boundary = "0f8fad5b-d9cb-469f-a165-70867728950e"

    def add(name, texts, head, reason=None, label=None):
        pieces = [part(texts.replace("NAME", field), raw(value), boundary) for field, value in FIELDS]
        cases.add(f"dotnet-{name}", "clients", body(*pieces, part(head, [Picture("jpeg")], boundary), boundary=boundary),
                  reason, label, f'multipart/form-data; boundary="{boundary}"', "enforce")

    typed, bare = "Content-Type: text/plain; charset=utf-8\r\n", "Content-Disposition: form-data; "
    image = "Content-Type: image/jpeg\r\n" + bare
    good = f'{image}name="idImage"; filename="id.jpg"'
    add("as-it-comes", f"{typed}{bare}name=NAME", f"{image}name=idImage; filename=id.jpg; filename*=utf-8''id.jpg",
        "part_disposition_malformed", "part 1")
    add("names-quoted", f'{typed}{bare}name="NAME"', good, "part_type_unexpected", "part 'issuingCountry'")
    add("no-type-of-text", f'{bare}name="NAME"',
        f"{image}name=\"idImage\"; filename=\"id.jpg\"; filename*=utf-8''id.jpg", "part_filename_extended",
        "part 'idImage'")
    add("good", f'{bare}name="NAME"', good)


def clients(cases):
    """captured.json holds what real clients sent; browsers are written down here as they send it."""
    rows = json.loads((pathlib.Path(__file__).parent / "captured.json").read_text())
    for row in rows:
        reason, label = REFUSED.get(row["name"], (None, None))
        cases.add(f"client-{row['name']}", "clients", row["body"].encode("latin-1"), reason, label, row["content_type"],
                  "enforce")
    for name, boundary in {"webkit": "----WebKitFormBoundaryAbCdEfGhIjKlMnOp",
                           "gecko": "---------------------------9051914041544843365972754266",
                           "gecko-new": "----geckoformboundary8f3c1a2b"}.items():
        parts = [text(*pair, boundary=boundary) for pair in FIELDS]
        good = file("idImage", "\uc2e0\ubd84\uc99d (1).jpg", [Picture("jpeg")], boundary=boundary)
        kind = f"multipart/form-data; boundary={boundary}"
        cases.add(f"browser-{name}", "clients", body(*parts, good, boundary=boundary), content_type=kind,
                  rules="enforce")
        nothing = file("idBackImage", "", b"", "application/octet-stream", boundary)
        cases.add(f"browser-{name}-nothing-chosen", "clients", body(*parts, good, nothing, boundary=boundary),
                  "part_filename_invalid", "part 'idBackImage' has an empty file name; leave the part out", kind,
                  "enforce")
    dot_net(cases)
    okhttp = part('Content-Disposition: form-data; name="email"\r\nContent-Length: 17', b"mina@example.test", "a-b")
    cases.add("client-part-with-length", "clients", okhttp + close("a-b"), "part_header_unknown", "part 'email'",
              "multipart/form-data; boundary=a-b", "enforce")


def make(cases):
    for group in (sizes, files, fields, clients):
        group(cases)
