"""A strict reader of the Prometheus text format (version 0.0.4)."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"^({_NAME})(?:\{{(.*)\}})? (\S+)(?: (-?\d+))?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
_SUFFIXES = ("_bucket", "_sum", "_count")


class MetricsError(ValueError):
    """The page is not a valid exposition."""


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match:
            raise MetricsError(f"bad labels: {text!r}")
        if match[1] in labels:
            raise MetricsError(f"label twice: {text!r}")
        labels[match[1]] = (match[2].replace("\\n", "\n").replace('\\"', '"')
                            .replace("\\\\", "\\"))
        at = match.end()
    return labels


class Metrics:
    """samples: list of (name, labels, value); types: metric name -> type; text: the page."""

    def __init__(self, text):
        self.text, self.samples, self.types, self.helps = text, [], {}, {}
        if text and not text.endswith("\n"):
            raise MetricsError("the last line has no line end")
        seen = set()
        for line in text.splitlines():
            if not line.strip():
                continue
            if line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                if name in self.types:
                    raise MetricsError(f"TYPE twice: {name}")
                if kind not in ("counter", "gauge", "histogram", "summary", "untyped"):
                    raise MetricsError(f"unknown type: {line}")
                self.types[name] = kind
            elif line.startswith("# HELP "):
                self.helps[line[7:].split(" ", 1)[0]] = line
            elif not line.startswith("#"):
                self._sample(line, seen)

    def _sample(self, line, seen):
        match = _SAMPLE.match(line)
        if not match:
            raise MetricsError(f"not a sample: {line!r}")
        labels = _labels(match[2] or "")
        key = (match[1], tuple(sorted(labels.items())))
        if key in seen:
            raise MetricsError(f"series twice: {line!r}")
        seen.add(key)
        if self.family(match[1]) not in self.types:
            raise MetricsError(f"no TYPE for: {line!r}")
        self.samples.append((match[1], labels, float(match[3])))

    def family(self, name):
        """The metric a sample belongs to (histogram samples carry a suffix)."""
        for suffix in _SUFFIXES:
            base = name[:-len(suffix)] if name.endswith(suffix) else None
            if base in self.types and self.types[base] in ("histogram", "summary"):
                return base
        return name

    def find(self, name, **labels):
        """[(labels, value)] of the series whose labels include the given ones."""
        if not name.startswith(("argos_gateway_", "process_")):
            name = "argos_gateway_" + name
        wanted = {key: str(value) for key, value in labels.items()}
        return [(own, value) for sample, own, value in self.samples
                if sample == name and wanted.items() <= own.items()]

    def value(self, name, **labels):
        """Sum of the matching series; 0 when there is none."""
        return sum(value for _, value in self.find(name, **labels))
