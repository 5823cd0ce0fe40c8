import json
import unittest

import plugin
from csv_reader import read
from flowcell_plugin.testing import CallError, call


class Csv(unittest.TestCase):
    def test_the_examples_are_true(self):
        for example in plugin.Handler().describe().examples:
            self.assertEqual(call(plugin.Handler, json.loads(example.input)), json.loads(example.output), example.title)

    def test_dialects(self):
        cases = [
            ("a,b\n1,2\n", ",", '"', True),
            ("a;b\n1,5;2\n", ";", '"', True),
            ("a\tb\nx, y\tz\n", "\t", '"', True),
            ("a|b\n1|2\n", "|", '"', True),
            ("a,b\n'x, y',2\n", ",", "'", True),
            ('a,b\n"it\'s",\'2\'\n', ",", '"', True),
            ("sep=;\na;b\n1;2\n", ";", '"', True),
            ("1;2\n3;4\n", ";", '"', False),
            ("one\ntwo\n", ",", '"', True),
            ("", ",", '"', False),
        ]
        for text, delimiter, quote, header in cases:
            with self.subTest(text):
                self.assertEqual(read(text)["dialect"], {"delimiter": delimiter, "quote": quote, "header": header})

    def test_cells(self):
        rows = read('a,b,c\n1,"x ""y""\nz",\n007,12345678901234567890,-1.5e3\nTRUE,null, x \n')["rows"]
        self.assertEqual(
            rows,
            [
                {"a": 1, "b": 'x "y"\nz', "c": None},
                {"a": "007", "b": "12345678901234567890", "c": -1500.0},
                {"a": True, "b": None, "c": " x "},
            ],
        )

    def test_without_types_cells_stay_texts(self):
        self.assertEqual(read("a,b\n1,\n", types=False)["rows"], [{"a": "1", "b": ""}])

    def test_rows_of_different_lengths(self):
        read_ = read("a,a\n1\n1,2,3\n")
        self.assertEqual(read_["columns"], ["a", "a_2", "column_3"])
        read_ = read("a,b\n1\n1,2,3\n", header=True)
        self.assertEqual(read_["rows"], [{"a": 1, "b": None, "column_3": None}, {"a": 1, "b": 2, "column_3": 3}])

    def test_what_is_no_csv_is_an_error_with_a_code(self):
        with self.assertRaises(CallError) as caught:
            call(plugin.Handler, {"csv": 1})
        self.assertEqual(caught.exception.code, "bad_input")


if __name__ == "__main__":
    unittest.main()
