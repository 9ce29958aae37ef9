"""House rules of the sources that no compiler checks: include direction, banned text, sizes, headers that stand alone."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]

# What a module may include of the others, besides itself.
MODULES = {
    "base": set(),
    "http": {"base"},
    "policy": {"base", "http"},
    "upload": {"base", "http", "policy"},
    "cache": {"base", "http", "policy"},
    "store": {"base", "cache"},
    "config": {"base", "policy", "http"},
    "observe": {"base", "policy", "http"},
    "net": {"base"},
    "upstream": {"base", "http", "net"},
    "proxy": {"base", "http", "policy", "upload", "cache", "store", "config", "observe", "net", "upstream"},
    "server": {"base", "http", "policy", "upload", "cache", "store", "config", "observe", "net", "upstream", "proxy"},
}
MAIN_MAY_INCLUDE = {"server", "config", "base"}

# Which files may include the headers of a library. A trailing slash stands for a folder of include/gateway or src.
LIBRARIES = {
    "boost/asio": ["net/", "upstream/pool", "proxy/worker.hpp", "proxy/fetch.cpp", "server/", "asio.cpp", "sandbox/"],
    "boost/beast": ["sandbox/"],
    "toml++": ["config/"],
    "spdlog": ["observe/log.cpp", "server/server.cpp"],
    "prometheus": ["observe/exporter.cpp"],
    "CLI": ["main.cpp", "sandbox/"],
    "boost/json": ["sandbox/"],
    "simdjson": ["upload/json_body.cpp", "cache/page.cpp"],
    "isa-l": ["upload/png.cpp"],
    "hiredis": ["store/reply.cpp"],
    "openssl": ["base/secret.cpp", "upload/digest.cpp", "cache/invalidation.cpp", "cache/etag.cpp", "store/connection", "net/", "server/", "main.cpp"],
}

# Text that may not stand in code: pattern, why, files that may have it all the same.
BANNED = [
    (r"steady_clock::now|system_clock::now|clock_gettime|gettimeofday", "the time is asked for in base/time.cpp only", ["base/", "sandbox/"]),
    (r"beast::iequals", "it reads past its arguments", []),
    (r"awaitable_operators", "a raced operation costs microseconds; deadlines are swept", []),
    (r"std::this_thread|::usleep|::nanosleep", "nothing on a worker sleeps", ["observe/access.cpp", "sandbox/"]),
    (r"\bdetached\b", "a task without an owner cannot be drained", ["sandbox/"]),
    (r"using namespace std\b", "names are spelled out", []),
    (r"std::cout|std::cerr|(?<!n)printf\s*\(|\bputs\s*\(", "the log is the only output", ["main.cpp", "sandbox/"]),
    (r"\b(?:TODO|FIXME|XXX)\b", "unfinished work does not go in", []),
    (r"\bstd::(?:regex|stringstream)\b", "slow and allocating", []),
]
# error_code::value() (of `error`, `ec`, `ec_`) is a number and throws nothing.
RESULT_VALUE = (r"(?<!error)(?<!\bec)(?<!\bec_)\.value\(\)", "it throws; test the result, then use * or ->", ["proxy", "http", "policy", "net", "upstream"])

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
SKIPPED_FOLDERS = {".git", "build", ".work", "node_modules", "__pycache__"}
TEXT_SUFFIXES = {".cpp", ".hpp", ".py", ".sh", ".mjs", ".js", ".json", ".toml", ".md", ".txt", ".cmake", ".cfg", ".conf", ".yaml", ".yml", ""}


def repository_files():
    for folder, folders, files in os.walk(REPO):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(files):
            yield pathlib.Path(folder, name)


def product_files():
    """Pairs of a path and its name below include/gateway or src."""
    for root in (REPO / "include/gateway", REPO / "src"):
        for path in sorted(root.rglob("*")):
            if path.suffix in (".hpp", ".cpp"):
                yield path, path.relative_to(root).as_posix()


def module_of(name):
    return name.split("/")[0] if "/" in name else ""


def listed(name, entries):
    return any(name.startswith(entry) for entry in entries)


def without_comments(text):
    """The code with comments and the contents of literals blanked; line numbers stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)

    def blank(match):
        found = match.group(0)
        lines = "\n" * found.count("\n")
        return lines if found.startswith("/") else '""' + lines

    return pattern.sub(blank, text)


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def functions(code):
    """(first line, lines) of each function body: the outermost braces that open no namespace, type or initialiser."""
    code = re.sub(r"^\s*#(?:.*\\\n)*.*$", lambda m: "\n" * m.group(0).count("\n"), code, flags=re.MULTILINE)
    scopes, start, line, inside = [], 0, 1, None
    for at, c in enumerate(code):
        if c == "\n":
            line += 1
        elif c == ";":
            start = at + 1
        elif c == "{":
            before = re.sub(r"template\s*<[^{}]*?>", "", code[start:at])
            is_scope = re.search(r"\b(namespace|class|struct|union|enum|extern)\b", before) and "(" not in before
            is_value = before.rstrip().endswith(("=", ",", "("))
            kind = "scope" if is_scope and inside is None else "value" if is_value and inside is None else "body"
            if kind != "scope" and inside is None:
                inside = (len(scopes), line, kind)
            scopes.append(kind)
            start = at + 1
        elif c == "}":
            if scopes:
                scopes.pop()
            if inside is not None and inside[0] == len(scopes):
                if inside[2] == "body":
                    yield inside[1], line - inside[1] + 1
                inside = None
            start = at + 1


class IncludeDirection(unittest.TestCase):
    def test_modules_include_only_what_the_table_allows(self):
        seen = set()
        for path, name in product_files():
            module = module_of(name)
            for number, header, quoted in includes(path.read_text()):
                if not header.startswith("gateway/"):
                    continue
                target = header.split("/")[1]
                seen.add(module)
                with self.subTest(f"{name}:{number}"):
                    self.assertNotEqual(module, "sandbox", "the stand-in shares nothing with the gateway")
                    allowed = MODULES[module] | {module} if module else MAIN_MAY_INCLUDE
                    self.assertIn(target, allowed, f"{module or name} must not see {target}")
                    self.assertTrue(quoted, "our own headers stand in quotes")
                    self.assertTrue((REPO / "include" / header).is_file(), header)
        self.assertGreaterEqual(len(seen), len(MODULES))

    def test_private_headers_stay_in_their_module(self):
        for path, name in product_files():
            for number, header, quoted in includes(path.read_text()):
                if not quoted or header.startswith("gateway/"):
                    continue
                with self.subTest(f"{name}:{number}"):
                    self.assertTrue((path.parent / header).resolve().parent == path.parent, f"{header} belongs to another module")

    def test_libraries_are_included_where_the_table_says(self):
        for path, name in product_files():
            for number, header, _ in includes(path.read_text()):
                for library, places in LIBRARIES.items():
                    if header == library or header.startswith(library + "/") or header.startswith(library + "."):
                        with self.subTest(f"{name}:{number}"):
                            self.assertTrue(listed(name, places), f"{header} does not belong here")

    def test_spdlog_is_only_asked_for_its_version_outside_the_log(self):
        used = [header for _, header, _ in includes((REPO / "src/server/server.cpp").read_text()) if header.startswith("spdlog")]
        self.assertLessEqual(set(used), {"spdlog/version.h"})

    def test_the_own_header_comes_first(self):
        for path, name in product_files():
            if path.suffix != ".cpp" or name.startswith("sandbox/"):
                continue
            own = [f"gateway/{name[:-4]}.hpp"] if (REPO / "include/gateway" / f"{name[:-4]}.hpp").exists() else []
            own += [path.with_suffix(".hpp").name] if path.with_suffix(".hpp").exists() else []
            if own:
                with self.subTest(name):
                    self.assertIn(next(includes(path.read_text()))[1], own)

    def test_each_source_belongs_to_a_module_and_links_what_it_may_include(self):
        cmake = (REPO / "src/CMakeLists.txt").read_text()
        declared = {}
        for match in re.finditer(r"(?m)^argos_module\((\w+)((?:\s+[^)]*)?)\)", cmake):
            words = match.group(2).split()
            depends = words[words.index("DEPENDS") + 1:] if "DEPENDS" in words else []
            declared[match.group(1)] = set(depends[:depends.index("LIBS")] if "LIBS" in depends else depends)
        self.assertEqual(set(declared), set(MODULES))
        for module, depends in declared.items():
            self.assertLessEqual(depends, MODULES[module], f"{module} links more than it may include")
        for root in (REPO / "src", REPO / "include/gateway"):
            folders = {path.name for path in root.iterdir() if path.is_dir()}
            self.assertLessEqual(folders, set(MODULES) | {"sandbox"}, f"a folder of {root.name} is no module")
        loose = {path.name for path in (REPO / "src").glob("*.cpp")}
        self.assertLessEqual(loose, {"main.cpp", "asio.cpp"})


class BannedText(unittest.TestCase):
    def check(self, name, path, pattern, why):
        for match in re.finditer(pattern, without_comments(path.read_text())):
            line = match.string[: match.start()].count("\n") + 1
            with self.subTest(f"{name}:{line}"):
                self.fail(f"{match.group(0)}: {why}")

    def test_product_sources(self):
        for path, name in product_files():
            for pattern, why, exempt in BANNED:
                if not listed(name, exempt):
                    self.check(name, path, pattern, why)

    def test_the_patterns_find_what_they_are_for(self):
        samples = ["auto t = std::chrono::steady_clock::now();", "boost::beast::iequals(a, b)", "using namespace asio::experimental::awaitable_operators;",
                   "std::this_thread::yield();", "co_spawn(io, task(), detached);", "using namespace std;", "std::cout << 1;", "// nothing\nint x; int TODO;",
                   "std::regex r;"]
        self.assertEqual(len(samples), len(BANNED))
        for (pattern, _, _), sample in zip(BANNED, samples):
            with self.subTest(sample):
                self.assertRegex(without_comments(sample), pattern)
                self.assertNotRegex(without_comments(f"// {sample}".replace("\n", " ")), pattern)
        self.assertRegex("result.value()", RESULT_VALUE[0])
        self.assertNotRegex("error.value()", RESULT_VALUE[0])
        self.assertRegex('printf("x")', BANNED[6][0])
        self.assertNotRegex("snprintf(buffer, 3, x)", BANNED[6][0])

    def test_results_are_not_unwrapped_with_exceptions(self):
        pattern, why, modules = RESULT_VALUE
        for path, name in product_files():
            if module_of(name) in modules:
                self.check(name, path, pattern, why)


class Sizes(unittest.TestCase):
    def test_files_stay_below_the_limit(self):
        for path in repository_files():
            if path.suffix in (".cpp", ".hpp", ".py", ".sh", ".mjs") and "benchmarks/results" not in path.as_posix():
                with self.subTest(path.relative_to(REPO).as_posix()):
                    self.assertLess(len(path.read_text().splitlines()), MAX_FILE_LINES)

    def test_functions_stay_below_the_limit(self):
        counted = 0
        for path, name in product_files():
            for line, length in functions(without_comments(path.read_text())):
                counted += 1
                with self.subTest(f"{name}:{line}"):
                    self.assertLessEqual(length, MAX_FUNCTION_LINES)
        self.assertGreater(counted, 300, "the counting itself has gone wrong")

    def test_counting_finds_long_and_short_functions(self):
        body = "\n".join("  work();" for _ in range(80))
        code = f"namespace a {{\nstruct S {{\n  int f() const {{ return 1; }}\n}};\ntemplate <class T>\nvoid g(T x) {{\n{body}\n}}\nint table[] = {{\n{body}\n}};\n}}\n"
        self.assertEqual([length for _, length in functions(code)], [1, 82])


class Form(unittest.TestCase):
    def test_no_tabs_and_no_trailing_blanks(self):
        for path in repository_files():
            if path.suffix not in (".cpp", ".hpp", ".py", ".sh", ".mjs", ".cmake", ".toml") and path.name != "CMakeLists.txt":
                continue
            for number, line in enumerate(path.read_text().split("\n"), 1):
                if "\t" in line or line != line.rstrip():
                    with self.subTest(f"{path.relative_to(REPO)}:{number}"):
                        self.fail("a tab or trailing blanks")

    def test_text_files_end_with_one_newline(self):
        for path in repository_files():
            if path.suffix in (".cpp", ".hpp", ".py", ".sh", ".md", ".toml"):
                with self.subTest(path.relative_to(REPO).as_posix()):
                    text = path.read_text()
                    self.assertTrue(text == "" or (text.endswith("\n") and not text.endswith("\n\n")))

    def test_public_headers_guard_themselves_and_close_their_namespace(self):
        for path, name in product_files():
            if path.suffix != ".hpp" or name.startswith("sandbox/"):
                continue
            with self.subTest(name):
                text = path.read_text()
                self.assertTrue(text.startswith("#pragma once\n"))
                namespace = "gateway" if module_of(name) == "base" else f"gateway::{module_of(name)}"
                self.assertIn(f"}}  // namespace {namespace}\n", text)

    def test_nothing_names_a_developers_machine(self):
        paths = re.compile(r"(?<![\w.$}/<-])/(?:root|home|work|Users)/[\w.-]+|\.\./shared\b")
        hosts = re.compile(r"\b(?:pypi\.org|registry\.npmjs\.org|files\.pythonhosted\.org|proxy\.golang\.org)\b")
        for path in repository_files():
            if path.suffix not in TEXT_SUFFIXES or path == pathlib.Path(__file__).resolve():
                continue
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            for pattern in (paths, hosts):
                for match in pattern.finditer(text):
                    with self.subTest(f"{path.relative_to(REPO)}:{text[:match.start()].count(chr(10)) + 1}"):
                        self.fail(match.group(0))

    def test_the_top_level_holds_only_what_belongs_there(self):
        allowed = {"CMakeLists.txt", "CMakePresets.json", "src", "include", "deploy", "config", "tests", "benchmarks", "README.md", "LICENSE", "build"}
        for entry in REPO.iterdir():
            if not entry.name.startswith("."):
                with self.subTest(entry.name):
                    self.assertIn(entry.name, allowed)


class Headers(unittest.TestCase):
    def test_each_header_compiles_alone(self):
        headers = [path for path, name in product_files() if path.suffix == ".hpp" and not name.startswith("sandbox/")]
        flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wno-pragma-once-outside-header", "-Werror",
                 "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_ASIO_SEPARATE_COMPILATION", f"-I{REPO / 'include'}", "-xc++"]

        def compile_alone(path):
            source = f'#include "{path}"\n'
            done = subprocess.run(["clang++-19", *flags, "-"], input=source, capture_output=True, text=True, timeout=300)
            return path, done.returncode, done.stderr

        self.assertGreater(len(headers), 30)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, status, output in pool.map(compile_alone, headers):
                with self.subTest(path.relative_to(REPO).as_posix()):
                    self.assertEqual(status, 0, output)


class Tables(unittest.TestCase):
    def rows(self, header, macro):
        text = (REPO / "include/gateway" / header).read_text()
        begin = text.index(f"#define {macro}(")
        end = re.compile(r"[^\\]\n").search(text, begin).start() + 1
        return text[begin:end]

    def test_each_parameter_is_in_the_reference(self):
        page = (REPO / "config/REFERENCE.md").read_text()
        found = 0
        for header_macro in ("GW_PARAMETERS", "GW_TENANT_PARAMETERS"):
            table = self.rows("config/parameters.hpp", header_macro)
            for kind, section, key in re.findall(r'P\((\w+), "([\w.]+)", \w+, (\w+),', table):
                heading = "## `[[tenant]]`" if section == "tenant" else f"## `[{section}]`"
                with self.subTest(f"{section}.{key}"):
                    self.assertIn(heading, page)
                    part = page.split(heading)[1].split("\n## ")[0]
                    self.assertIn(f"| `{key}` | {kind} |", part)
                found += 1
        self.assertGreaterEqual(found, 68)
        self.assertEqual(len(re.findall(r"^\| `", page, re.MULTILINE)), found, "the page has rows that the table has not")

    def test_each_failure_is_in_the_reasons(self):
        page = (REPO / "config/REASONS.md").read_text()
        codes = re.findall(r"F\((\w+), (\d+), \w+, (\w+),", self.rows("base/failure.hpp", "GW_FAILURES"))
        self.assertGreaterEqual(len(codes), 43)
        for code, status, fate in codes:
            with self.subTest(code):
                self.assertRegex(page, rf"(?m)^\| `{code}` \| {status} \| [\w ]+ \| {fate} \|")
        self.assertEqual(len(re.findall(r"^\| `", page, re.MULTILINE)), len(codes), "the page has rows that the table has not")

    def test_each_operation_is_explained_to_operators(self):
        pages = "".join((REPO / name).read_text() for name in ("README.md", "config/gateway.toml", "config/REFERENCE.md"))
        operations = re.findall(r"O\((\w+), \w+, \"(/[\w/]+)\"", self.rows("policy/operation.hpp", "GW_OPERATIONS"))
        self.assertEqual(len(operations), 8)
        for name, _ in operations:
            with self.subTest(name):
                self.assertIn(name, pages)


class Presets(unittest.TestCase):
    def test_there_is_one_for_each_build(self):
        presets = json.loads((REPO / "CMakePresets.json").read_text())
        names = {preset["name"]: preset for preset in presets["configurePresets"]}
        self.assertLessEqual({"release", "debug", "asan", "tsan", "fuzz"}, set(names))
        self.assertEqual({preset["configurePreset"] for preset in presets["buildPresets"]}, set(names) - {"base"})
        self.assertEqual(names["release"]["cacheVariables"]["CMAKE_INTERPROCEDURAL_OPTIMIZATION"], "ON")
        self.assertIn("address", names["asan"]["cacheVariables"]["ARGOS_SANITIZE"])
        self.assertIn("thread", names["tsan"]["cacheVariables"]["ARGOS_SANITIZE"])

    def test_our_code_is_compiled_with_warnings_as_errors(self):
        cmake = (REPO / "src/CMakeLists.txt").read_text()
        for flag in ("-Wall", "-Wextra", "-Wpedantic", "-Werror"):
            self.assertIn(flag, cmake)


if __name__ == "__main__":
    unittest.main()
