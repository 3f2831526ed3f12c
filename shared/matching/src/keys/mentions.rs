//! What records refer to, as it is written. Most of it no other record refers to: that joins nothing and need not be kept, if
//! only it is known. So all records are asked what they mention before any of them is read, and a few bits for each hash
//! tell what comes again.

use crate::{
    hashed,
    table::{Left, Repeats},
};
use domain::{
    record::{Kind, Scheme},
    records::{RecordRef, Texts},
};

/// How a record refers to something.
pub(crate) enum Mention<'a> {
    Reference(Scheme<&'a str>),
    OrderNumber,
    OrderName,
}

/// All that a record refers to.
pub(super) fn mentions<'a>(texts: &Texts<'a>) -> impl Iterator<Item = (Mention<'a>, &'a str)> {
    let references = texts.refs.clone().map(|reference| (Mention::Reference(reference.scheme), reference.value));
    // What everybody refers to an order by stands behind the last `/` of its id.
    let number = texts.order.map(|order| (Mention::OrderNumber, behind_last_slash(order.id)));
    let name = texts.order.map(|order| (Mention::OrderName, order.name));
    references.chain(number).chain(name).filter_map(|(how, text)| Some((how, referred(text)?)))
}

/// All of it where there is none. Numbers are short, and so are loops over them.
fn behind_last_slash(text: &str) -> &str {
    let slash = text.bytes().rposition(|byte| byte == b'/');
    slash.map_or(text, |slash| &text[slash + 1..])
}

/// What a record refers to with a text, if it is anything.
pub(super) fn referred(text: &str) -> Option<&str> {
    // Nearly every text is as it should be, which its ends tell.
    if let [b'$'..=b'~', .., b'!'..=b'~'] = text.as_bytes() {
        return Some(text);
    }
    Some(text.trim().trim_start_matches('#')).filter(|text| !text.is_empty())
}

/// What the records of one side mention, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Mentioned {
    /// Record by record, the last one of each with [`LAST`].
    hashes: Vec<u32>,
    /// What is mentioned once and held twice.
    held_twice: Vec<u32>,
}

/// Instead of the lowest bit of a hash.
const LAST: u32 = 1;

impl Mentioned {
    /// All that a record mentions; `id` is the hash of its own id, which nearly every one mentions, too.
    pub fn add(&mut self, record: RecordRef<'_>, texts: &Texts<'_>, id: u32) {
        let start = self.hashes.len();
        let hash = |text: &str| if std::ptr::eq(text, texts.id) { id } else { hashed::text(text) };
        mentions(texts).for_each(|(_, text)| self.hashes.push(hash(text) & !LAST));
        // Captures hold what their authorisation holds.
        if record.kind() == Kind::Authorization {
            self.held_twice.extend_from_slice(&self.hashes[start..]);
        }
        match self.hashes[start..].last_mut() {
            Some(last) => *last |= LAST,
            // Somebody who mentions nothing mentions something that no one else does.
            None => self.hashes.push(LAST),
        }
    }

    pub fn make_room(&mut self, left: Left) {
        left.make_room(&mut self.hashes);
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// All mentions of this side.
    pub fn all(&self) -> impl Iterator<Item = u32> {
        self.hashes.iter().chain(&self.held_twice).map(|hash| *hash & !LAST)
    }

    /// By record, what comes again.
    pub fn again(self, mut repeats: Repeats) -> Vec<Again> {
        let records = self.hashes.iter().filter(|hash| **hash & LAST != 0).count();
        let mut all = Vec::with_capacity(records);
        let (mut again, mut mention) = (Again::default(), 0);
        for hash in self.hashes {
            again.set(mention, repeats.next(hash & !LAST));
            mention += 1;
            if hash & LAST != 0 {
                all.push(again);
                (again, mention) = (Again::default(), 0);
            }
        }
        all
    }
}

/// Which mentions of a record come again, in the order of its mentions; of some it is said that do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Again(u16);

impl Again {
    #[cfg(test)]
    pub const ALL: Self = Self(u16::MAX);

    pub fn get(self, mention: u32) -> bool {
        self.0 >> Self::bit(mention) & 1 != 0
    }

    fn set(&mut self, mention: u32, again: bool) {
        self.0 |= u16::from(again) << Self::bit(mention);
    }

    /// What has no bit of its own comes again if anything of it does.
    fn bit(mention: u32) -> u32 {
        mention.min(u16::BITS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;
    use domain::{
        record::{OrderRef, Record, Reference, Side},
        records::Records,
    };

    fn record(id: &str, values: &[&str]) -> Record {
        let refs = values.iter().map(|value| Reference { scheme: Scheme::Text, value: (*value).to_owned() }).collect();
        Record { refs, ..examples::record(Side::Source, id, 1, 0) }
    }

    fn again(records: &Records) -> Vec<Again> {
        let mut mentioned = Mentioned::default();
        records.iter().for_each(|record| mentioned.add(record, &record.texts(), hashed::text(record.id())));
        let [repeats, _] = Repeats::of(10_000, [&mentioned, &Mentioned::default()], Mentioned::all);
        mentioned.again(repeats)
    }

    #[test]
    fn references_and_the_order_are_mentioned_as_far_as_they_say_anything() {
        let order = Some(OrderRef { id: "gid://shopify/Order/7".to_owned(), name: " ##1001 ".to_owned() });
        let nameless = Some(OrderRef { id: "orders/".to_owned(), name: "#".to_owned() });
        let records: Records =
            [Record { order, ..record("a", &["x", "#", " y"]) }, Record { order: nameless, ..record("b", &[]) }]
                .into_iter()
                .collect();
        let all = |at| mentions(&records.at(at).texts()).map(|(_, text)| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(all(0), ["y", "x", "7", "1001"]);
        assert!(all(1).is_empty());
    }

    #[test]
    fn what_comes_again_is_told_by_mention() {
        let records: Records =
            [record("a", &["1", "2", "3"]), record("b", &["4", "3"]), record("c", &[])].into_iter().collect();
        let again = again(&records);
        assert_eq!([0, 1, 2, 3].map(|mention| again[0].get(mention)), [false, false, true, false]);
        assert_eq!([0, 1].map(|mention| again[1].get(mention)), [true, false]);
        assert_eq!(again[2], Again::default());
    }

    #[test]
    fn what_an_authorisation_mentions_comes_again() {
        let authorization = Record { kind: Kind::Authorization, ..record("a", &["1"]) };
        assert!(again(&[authorization].into_iter().collect())[0].get(0));
        assert!(!again(&[record("a", &["1"])].into_iter().collect())[0].get(0));
    }

    #[test]
    fn of_many_mentions_the_last_ones_come_again_together() {
        let values: Vec<String> = (100..200).map(|value| value.to_string()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let [alone, twice] =
            ["none", "199"].map(|other| again(&[record("a", &values), record("b", &[other])].into_iter().collect())[0]);
        assert!((0..100).all(|mention| !alone.get(mention)));
        assert!((0..100).all(|mention| twice.get(mention) == (mention >= 15)));
    }
}
