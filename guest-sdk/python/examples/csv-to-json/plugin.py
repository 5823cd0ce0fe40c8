"""CSV, as people and spreadsheets write it, to rows."""

from csv_reader import read
from flowcell_plugin import PluginError, plugin

INPUT = {
    "type": "object",
    "properties": {
        "csv": {"type": "string"},
        "delimiter": {"enum": [",", ";", "\t", "|"], "description": "Found out without"},
        "header": {"type": "boolean", "description": "Whether the first row names the columns; found out without"},
        "types": {"type": "boolean", "default": True, "description": "Makes numbers, true, false and null of what looks like it"},
    },
    "required": ["csv"],
    "additionalProperties": False,
}

OUTPUT = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}},
        "columns": {"type": "array", "items": {"type": "string"}},
        "dialect": {
            "type": "object",
            "properties": {"delimiter": {"type": "string"}, "quote": {"type": "string"}, "header": {"type": "boolean"}},
            "required": ["delimiter", "quote", "header"],
        },
    },
    "required": ["rows", "columns", "dialect"],
}


def run(input, context):
    if not isinstance(input, dict) or not isinstance(input.get("csv"), str):
        raise PluginError("bad_input", "`csv` is missing, or no text")
    return read(input["csv"], input.get("delimiter"), input.get("header"), input.get("types", True))


Handler = plugin(
    name="csv-to-json",
    version="1.0.0",
    title="CSV to rows, with the delimiter, the header and the types found out",
    input=INPUT,
    output=OUTPUT,
    examples=[
        (
            "From a German spreadsheet",
            {"csv": "\ufeffName;Preis;Aktiv\r\n\"Kabel; 2 m\";9.50;true\r\nStecker;;false\r\n"},
            {
                "rows": [
                    {"Name": "Kabel; 2 m", "Preis": 9.5, "Aktiv": True},
                    {"Name": "Stecker", "Preis": None, "Aktiv": False},
                ],
                "columns": ["Name", "Preis", "Aktiv"],
                "dialect": {"delimiter": ";", "quote": '"', "header": True},
            },
        ),
        (
            "Without a header",
            {"csv": "1,2\n3,4\n"},
            {
                "rows": [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}],
                "columns": ["column_1", "column_2"],
                "dialect": {"delimiter": ",", "quote": '"', "header": False},
            },
        ),
    ],
    run=run,
)
