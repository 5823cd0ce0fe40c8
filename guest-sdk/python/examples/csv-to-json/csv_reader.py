"""Reads CSV of an unknown dialect.

`csv.Sniffer` guesses from letters too, and takes any character for a delimiter; here the candidates are the four in use, and the one
wins with which the rows are most alike.
"""

import csv
import io
import re

from flowcell_plugin import PluginError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 100

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}(?:[eE][+-]?[0-9]{1,2})?")
_WORDS = {"true": True, "false": False, "null": None, "": None}

csv.field_size_limit(16 * 1024 * 1024)


def read(text, delimiter=None, header=None, types=True):
    text = text.removeprefix("\ufeff")
    # Excel names the delimiter in a line of its own.
    named = re.match(r"sep=(.)\r?\n", text)
    if named:
        text = text[named.end() :]
        delimiter = delimiter or named[1]
    quote = _quote(text)
    delimiter = delimiter or _delimiter(text, quote)
    records = _records(text, delimiter, quote)
    if header is None:
        header = _has_header(records)
    width = max(map(len, records), default=0)
    columns = _names(records[0] if header and records else [], width)
    convert = _typed if types else lambda cell: cell
    rows = []
    for record in records[1:] if header else records:
        cells = [convert(cell) for cell in record] + [None] * (width - len(record))
        rows.append(dict(zip(columns, cells)))
    return {"rows": rows, "columns": columns, "dialect": {"delimiter": delimiter, "quote": quote, "header": header}}


def _records(text, delimiter, quote, limit=None):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=False)
    records = []
    try:
        for record in reader:
            # An empty line gives no cells.
            if record:
                records.append(record)
            if limit is not None and len(records) >= limit:
                break
    except csv.Error as error:
        raise PluginError("bad_csv", f"line {reader.line_num}: {error}") from None
    return records


def _quote(text):
    """Single quotes are the rule only where cells begin and end with them and none does with double ones."""
    doubles = re.search(r'(?:^|[,;\t|])"', text, re.MULTILINE)
    singles = re.search(r"(?:^|[,;\t|])'[^'\n]*'(?:[,;\t|\r]|$)", text, re.MULTILINE)
    return "'" if singles and not doubles else '"'


def _delimiter(text, quote):
    def likeness(delimiter):
        widths = [len(record) for record in _records(text, delimiter, quote, SAMPLE_ROWS)]
        if not widths:
            return (0, 0)
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0, 0)

    # max takes the first of equals, and the comma is the first.
    return max(DELIMITERS, key=likeness)


def _has_header(records):
    """Whether the first row has a text in every column, and the others look different."""
    if not records:
        return False
    first, others = records[0], records[1 : SAMPLE_ROWS + 1]
    if not all(cell.strip() and isinstance(_typed(cell), str) for cell in first):
        return False
    if any(not isinstance(_typed(cell), str) for record in others for cell in record):
        return True
    if len(set(first)) < len(first):
        return False
    # Only texts: names of columns do not come back as values, and are short.
    values = {cell for record in others for cell in record}
    return not values.intersection(first) and max(map(len, first)) <= 64


def _names(first, width):
    names, taken = [], set()
    for index in range(width):
        name = first[index].strip() if index < len(first) else ""
        name = name or f"column_{index + 1}"
        unique, copy = name, 2
        while unique in taken:
            unique, copy = f"{name}_{copy}", copy + 1
        taken.add(unique)
        names.append(unique)
    return names


def _typed(cell):
    """Numbers that would not come back as they were written, as 007 or those of more than 15 digits, stay texts."""
    word = cell.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _INTEGER.fullmatch(word) and word != "-0":
        return int(word)
    if _DECIMAL.fullmatch(word):
        return float(word)
    return cell
