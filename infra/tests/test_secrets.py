"""The scan for credentials finds what providers and clouds hand out, and leaves alone what this repository is full of."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "local"))

import lint_secrets  # noqa: E402

# Put together here, so that this file holds none.
CREDENTIALS = {
    "Settler API key": "sk_" + "AbCd-_0123456789abcdefghijklmnopqrstuvwxyzA",
    "Shopify access token": "shpat_" + "0123456789abcdef" * 2,
    "Stripe Access Key": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "Stripe webhook secret": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "AWS Access Key": "AKIA" + "IOSFODNN7EXAMPL1",
    "GitHub Token": "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345",
    "Private Key": "-----BEGIN " + "RSA PRIVATE KEY-----",
}
HARMLESS = ["ch_3QbYxv2eZvKYlo2C0x1mT7aK", "sk_test_example", "a554cce92c1fb08daf5ff3c97d509b8c", "gid://shopify/Order/1"]


class TheScan(unittest.TestCase):
    def kinds(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "notes.txt"
            path.write_text(text)
            return [kind for _, _, kind in lint_secrets.found([path])]

    def test_every_kind_of_credential_is_found(self):
        for kind, credential in CREDENTIALS.items():
            with self.subTest(kind):
                self.assertIn(kind, self.kinds(f"token: {credential}\n"))

    def test_ids_and_digests_are_none(self):
        self.assertEqual(self.kinds("\n".join(HARMLESS)), [])


if __name__ == "__main__":
    unittest.main()
