"""Settler's own keys, and credentials of the providers that it reads from, where detect-secrets knows none."""
import re

from detect_secrets.plugins.base import RegexBasedDetector


class SettlerKeyDetector(RegexBasedDetector):
    secret_type = "Settler API key"
    denylist = [re.compile(r"\bsk_[0-9A-Za-z_-]{43}(?![0-9A-Za-z_-])")]


class ShopifyTokenDetector(RegexBasedDetector):
    secret_type = "Shopify access token"
    denylist = [re.compile(r"\bshp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}\b")]


class StripeWebhookSecretDetector(RegexBasedDetector):
    secret_type = "Stripe webhook secret"
    denylist = [re.compile(r"\bwhsec_[0-9A-Za-z+/]{32,}")]
