"""What a backup keeps, as data: every table has its place, and an item comes back as it was."""
import contextlib
import gzip
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "backup"))
import backup  # noqa: E402
from test_infrastructure import RESOURCES  # noqa: E402

ITEM = {"s": {"S": "T#acme#job#shop"}, "n": {"N": "1"}, "d": {"B": b"\x00\xff"}, "m": {"M": {"list": {"L": [{"B": b"\x01"}, {"NULL": True}, {"BOOL": False}]}, "all": {"BS": [b"a", b"b"]}}}}


class Backup(unittest.TestCase):
    def test_every_table_is_kept_or_computed(self):
        tables = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::DynamoDB::Table"}
        self.assertEqual(tables, set(backup.KEPT) | set(backup.COMPUTED))
        self.assertFalse(set(backup.KEPT) & set(backup.COMPUTED))

    def test_an_item_comes_back_as_it_was(self):
        item = {name: backup.value(part) for name, part in json.loads(backup.line(ITEM))["Item"].items()}
        self.assertEqual(item, ITEM)

    def test_an_altered_export_and_a_full_stack_are_refused(self):
        names = {name: name for name in {**backup.KEPT, **backup.COMPUTED}}
        for stored, altered, says in ([], True, "is not what was exported"), ([ITEM], False, "never mixes two histories"):
            with self.subTest(says), tempfile.TemporaryDirectory() as above, mock.patch.object(backup, "tables", lambda _: names), mock.patch.object(backup, "put") as put:
                folder = pathlib.Path(above) / "backup"
                with mock.patch.object(backup, "items", lambda _: [ITEM]), contextlib.redirect_stdout(io.StringIO()):
                    backup.export("any", folder)
                if altered:
                    (folder / "ApiKeys.json.gz").write_bytes(gzip.compress(b""))
                with mock.patch.object(backup, "items", lambda _: iter(stored)), self.assertRaisesRegex(SystemExit, says):
                    backup.load("any", folder)
                put.assert_not_called()


if __name__ == "__main__":
    unittest.main()
