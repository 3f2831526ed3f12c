//! References: every value under which the other side may know a movement, normalised for comparing.

use domain::record::{Reference, Scheme};

/// Longest value kept; ids and order names are far shorter, notes are no references.
const MAX_VALUE_LENGTH: usize = 128;
/// Shortest token of a text that can tell two movements apart.
const MIN_TOKEN_LENGTH: usize = 3;
/// A description that names more than this names nothing.
const MAX_TOKENS: usize = 16;

/// Collects references and leaves out empty ones, repetitions, and what looks like an e-mail address.
#[derive(Debug, Default)]
pub(crate) struct References(Vec<Reference>);

impl References {
    pub(crate) fn add(&mut self, scheme: Scheme, raw: &str) {
        let trimmed = raw.trim();
        let too_long = trimmed.chars().count() > MAX_VALUE_LENGTH;
        if trimmed.is_empty() || too_long || trimmed.contains('@') {
            return;
        }
        // People write order names with and without their `#`.
        let reference = Reference { scheme, value: trimmed.trim_start_matches('#').to_lowercase() };
        if !self.0.contains(&reference) {
            self.0.push(reference);
        }
    }

    /// An id that one side keeps of the other's payment: its form says what it is.
    pub(crate) fn add_payment_id(&mut self, raw: &str) {
        let trimmed = raw.trim();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| trimmed.starts_with(prefix));
        let scheme = if starts(&["ch_", "py_"]) {
            Scheme::ChargeId
        } else if starts(&["pi_"]) {
            Scheme::PaymentIntentId
        } else if starts(&["re_", "pyr_"]) {
            Scheme::MovementId
        } else {
            Scheme::PaymentId
        };
        self.add(scheme, raw);
    }

    /// Tokens with a digit: order names, invoice numbers, ids; words tell nothing apart.
    pub(crate) fn add_text(&mut self, text: &str) {
        let inside = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
        let words = text.split_whitespace().filter(|word| !word.contains('@'));
        let tokens = words.flat_map(|word| word.split(|character: char| !inside(character)));
        let tokens = tokens.map(|token| token.trim_matches(|character: char| matches!(character, '-' | '_')));
        let telling =
            tokens.filter(|token| token.len() >= MIN_TOKEN_LENGTH && token.bytes().any(|byte| byte.is_ascii_digit()));
        for token in telling.take(MAX_TOKENS) {
            self.add(Scheme::Text, token);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Reference> {
        self.0
    }
}

/// A text for people without the e-mail addresses in it.
pub(crate) fn memo(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.contains('@')).collect();
    let memo: String = words.join(" ").chars().take(MAX_VALUE_LENGTH * 2).collect();
    (!memo.is_empty()).then_some(memo)
}

/// The last four digits of a masked number such as `•••• •••• •••• 4242`.
pub(crate) fn last4(masked: &str) -> Option<String> {
    let digits: Vec<char> = masked.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().checked_sub(4)?;
    digits.get(from..).map(|last| last.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(references: References) -> Vec<String> {
        references.into_vec().into_iter().map(|reference| reference.value).collect()
    }

    #[test]
    fn a_description_gives_its_telling_tokens() {
        let mut references = References::default();
        references.add_text("Order #1001-A, invoice INV-2026-07 for jo3@example.com, thanks (ch_3Abc)! ---");
        assert_eq!(values(references), ["1001-a", "inv-2026-07", "ch_3abc"]);
    }

    #[test]
    fn the_form_of_an_id_says_what_it_is() {
        let mut references = References::default();
        for id in ["ch_1", "py_1", "pi_1", "re_1", "rQx9DmKTDqRPqKLYqgbDMyzg", " ", "ch_1"] {
            references.add_payment_id(id);
        }
        let schemes: Vec<Scheme> = references.into_vec().into_iter().map(|reference| reference.scheme).collect();
        use Scheme::{ChargeId, MovementId, PaymentId, PaymentIntentId};
        assert_eq!(schemes, [ChargeId, ChargeId, PaymentIntentId, MovementId, PaymentId]);
    }

    #[test]
    fn addresses_are_hashed_and_never_kept() {
        assert_eq!(memo("Paid by jo@example.com for #1001").as_deref(), Some("Paid by for #1001"));
        let mut references = References::default();
        references.add(Scheme::Metadata("mail".into()), "jo@example.com");
        assert!(references.into_vec().is_empty());
    }

    #[test]
    fn last4_needs_four_digits() {
        assert_eq!(last4("•••• •••• •••• 4242").as_deref(), Some("4242"));
        assert_eq!(last4("••42"), None);
    }
}
