"""Credentials of the providers that Settler reads from, where detect-secrets knows none."""
import re

from detect_secrets.plugins.base import RegexBasedDetector


class ShopifyTokenDetector(RegexBasedDetector):
    secret_type = "Shopify access token"
    denylist = [re.compile(r"\bshp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}\b")]


class StripeWebhookSecretDetector(RegexBasedDetector):
    secret_type = "Stripe webhook secret"
    denylist = [re.compile(r"\bwhsec_[0-9A-Za-z+/]{32,}")]
