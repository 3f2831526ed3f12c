//! Whom a function trusts when it calls AWS.
//!
//! Reading the system's some 140 certificate authorities takes milliseconds at every cold start, and AWS's endpoints
//! need five of them. Amazon Trust Services names those five for stores of one's own
//! (<https://www.amazontrust.com/repository>). Whoever is not AWS is looked up in the system's store, as before.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon-trust-services.pem");
/// Regions of the partitions with other authorities: China, the European Sovereign Cloud, the isolated ones.
const ELSEWHERE: [&str; 4] = ["cn-", "eusc-", "us-iso", "eu-iso"];

/// The client for AWS's own endpoints; none where an endpoint or a region says that somebody else may answer.
pub(crate) fn amazon_client(settings: &crate::Settings) -> Option<SharedHttpClient> {
    let region = settings.optional("AWS_REGION")?;
    if settings.any_begins_with("AWS_ENDPOINT_URL") || ELSEWHERE.iter().any(|prefix| region.starts_with(prefix)) {
        return None;
    }
    let trust = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(trust).build().ok()?;
    Some(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

    #[test]
    fn only_amazon_itself_is_met_with_amazons_roots() {
        for (settings, own) in [
            (Settings::from([("AWS_REGION", "eu-central-1")]), true),
            (Settings::from([("AWS_REGION", "us-gov-west-1")]), true),
            (Settings::from([("AWS_REGION", "cn-north-1")]), false),
            (Settings::from([("AWS_REGION", "us-isob-east-1")]), false),
            (Settings::from([("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]), false),
            (Settings::from([("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL_S3", "https://minio")]), false),
            (Settings::default(), false),
        ] {
            assert_eq!(amazon_client(&settings).is_some(), own, "{settings:?}");
        }
    }

    /// The certificates are parsed when a connection is prepared; a broken file would end every function there.
    #[tokio::test]
    async fn the_roots_can_be_read_and_do_not_trust_a_stranger() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .endpoint_url(url)
            .http_client(amazon_client(&Settings::from([("AWS_REGION", "us-east-1")])).unwrap())
            .build();
        let call = aws_sdk_dynamodb::Client::from_conf(config).list_tables().send();
        let hello = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut first = [0_u8; 1];
            tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first).await.unwrap();
            first[0]
        };
        let (answer, first) = tokio::join!(call, hello);
        assert_eq!(first, 0x16, "a TLS handshake begins");
        assert!(answer.is_err());
    }
}
