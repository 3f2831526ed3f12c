//! Where webhooks may go: public https addresses, and the origins that a deployment allows by name.
//!
//! A name is judged by the addresses that it resolves to at each try; what is judged here is the address itself.

use domain::webhook::MAX_URL_LENGTH;
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;

/// Origins such as `http://127.0.0.1:4567` to which webhooks may go whatever their address. Empty on AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RefusedAddress {
    #[error("must be an address such as https://example.com/hooks/settler")]
    NotAUrl,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must not hold a user name, a password or a fragment; the signature says who we are")]
    MoreThanAnAddress,
    #[error("must have at most {MAX_URL_LENGTH} characters")]
    TooLong,
    #[error("`{0}` is not a public address")]
    NotPublic(String),
}

impl AllowedOrigins {
    /// Origins between commas.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(
            text.split(',')
                .map(|origin| origin.trim().trim_end_matches('/').to_owned())
                .filter(|o| !o.is_empty())
                .collect(),
        )
    }

    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        let origin = url.origin().ascii_serialization();
        self.0.contains(&origin)
    }

    /// What can be judged of an address without asking for its name.
    ///
    /// # Errors
    /// Why nothing may be sent there.
    pub fn check(&self, text: &str) -> Result<Url, RefusedAddress> {
        if text.len() > MAX_URL_LENGTH {
            return Err(RefusedAddress::TooLong);
        }
        let url = Url::parse(text).map_err(|_| RefusedAddress::NotAUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(RefusedAddress::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(RefusedAddress::MoreThanAnAddress);
        }
        if self.allow(&url) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(RefusedAddress::NotHttps);
        }
        if literal(host).is_some_and(|address| !is_public(address)) {
            return Err(RefusedAddress::NotPublic(host.to_owned()));
        }
        Ok(url)
    }
}

/// The address in a host that is one; the parser of URLs has brought `0x7f.1` and the like into the usual form.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Whether an address is on the public internet, by IANA's registries of special-purpose addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `…ipv6-special-registry`). Of IPv6 only global
/// unicast is, without the ranges in it that tunnel or document: a tunnel's address may lead anywhere.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let refused = match address.octets() {
        // This network, private, loopback.
        [0 | 10 | 127, ..] => true,
        // Carrier-grade NAT, 100.64.0.0/10.
        [100, second, ..] => (64..128).contains(&second),
        // Link-local, where clouds serve credentials.
        [169, 254, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        // Protocol assignments, documentation, the 6to4 relay, private.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        // Benchmarks and documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !refused
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Loopback, mapped and translated IPv4, unique local, link-local and multicast lie outside 2000::/3.
    let global = first & 0xe000 == 0x2000;
    let refused = matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    global && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_range_is_refused_at_both_ends_and_its_neighbours_are_not() {
        for (special, neighbour) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.0.0.0", "9.255.255.255"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.0.0.1", "126.255.255.255"),
            ("169.254.169.254", "169.253.255.255"),
            ("172.16.0.0", "172.15.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.0.0.255", "192.0.1.0"),
            ("192.0.2.1", "192.0.3.0"),
            ("192.88.99.1", "192.88.98.255"),
            ("192.168.0.1", "192.167.255.255"),
            ("198.18.0.0", "198.17.255.255"),
            ("198.19.255.255", "198.20.0.0"),
            ("198.51.100.7", "198.51.101.0"),
            ("203.0.113.7", "203.0.112.255"),
            ("224.0.0.1", "223.255.255.255"),
            ("255.255.255.255", "8.8.8.8"),
            ("::1", "2606:4700::1111"),
            ("::", "2001:4860::8888"),
            ("::ffff:127.0.0.1", "2a00::1"),
            ("::ffff:8.8.8.8", "2400::1"),
            ("64:ff9b::7f00:1", "2600::1"),
            ("fe80::1", "2001:200::1"),
            ("fc00::1", "3000::1"),
            ("fdff::1", "3ffe::1"),
            ("ff02::1", "2001:db7::1"),
            ("2001:db8::1", "2001:db9::1"),
            ("2001::1", "2003::1"),
            ("2002:7f00:1::", "2001:1000::1"),
            ("3fff::1", "3fff:1000::1"),
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
            assert!(is_public(neighbour.parse().unwrap()), "{neighbour}");
        }
    }

    #[test]
    fn addresses_are_judged_in_every_way_of_writing_them() {
        let nobody = AllowedOrigins::default();
        for good in [
            "https://example.com/hook",
            "https://example.com:8443/hook?x=1",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(nobody.check(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", RefusedAddress::NotAUrl),
            ("example.com", RefusedAddress::NotAUrl),
            ("https://", RefusedAddress::NotAUrl),
            ("http://example.com", RefusedAddress::NotHttps),
            ("ftp://example.com", RefusedAddress::NotHttps),
            ("https://me:secret@example.com", RefusedAddress::MoreThanAnAddress), // pragma: allowlist secret
            ("https://example.com/#here", RefusedAddress::MoreThanAnAddress),
            ("https://127.0.0.1/", RefusedAddress::NotPublic("127.0.0.1".into())),
            ("https://0x7f.1/", RefusedAddress::NotPublic("127.0.0.1".into())),
            ("https://2130706433/", RefusedAddress::NotPublic("127.0.0.1".into())),
            ("https://[::ffff:10.0.0.1]/", RefusedAddress::NotPublic("[::ffff:a00:1]".into())),
            ("https://169.254.169.254/latest/meta-data", RefusedAddress::NotPublic("169.254.169.254".into())),
        ] {
            assert_eq!(nobody.check(bad), Err(why), "{bad}");
        }
        assert_eq!(nobody.check(&format!("https://example.com/{}", "x".repeat(2_100))), Err(RefusedAddress::TooLong));
    }

    #[test]
    fn only_whole_origins_are_allowed() {
        let allowed = AllowedOrigins::read(" http://127.0.0.1:4567/, https://hooks.internal ,");
        for good in ["http://127.0.0.1:4567/hooks/a", "https://hooks.internal/x"] {
            assert!(allowed.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:4568/hooks/a",
            "https://127.0.0.1:4567/",
            "http://127.0.0.1:4567@10.0.0.1/",
            "http://hooks.internal/",
        ] {
            assert!(allowed.check(bad).is_err(), "{bad}");
        }
    }
}
