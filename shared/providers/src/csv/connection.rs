//! An uploaded file as a provider: the same trait as the others, so that any two files can be a job.

use super::{error::FileErrors, mapping::Mapping, reader::CsvReader, reading::read_records};
use crate::{
    credentials::{FieldError, at, root},
    provider::{Page, Provider, ProviderError, credentials_error},
};
use async_trait::async_trait;
use domain::{
    TenantId, UploadId,
    ports::{Blobs, PortError, upload_key},
    record::{Record, Side},
    records::{RecordRef, Records},
    time::Window,
};
use serde_json::{Value, json};
use std::{fmt, sync::Arc};
use tokio::sync::OnceCell;

pub const ADAPTER: &str = "csv";
/// What one function can hold as records beside the file itself: some half a million rows.
pub const MAX_UPLOAD_BYTES: u64 = 64 << 20;
/// Records of one page.
const PAGE_RECORDS: usize = 4_000;
/// Bad rows that a failure names; the rest is counted.
const NAMED_ROWS: usize = 5;

/// What a csv connection holds: `{upload_id, mapping?}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    pub id: UploadId,
    pub mapping: Mapping,
}

impl Upload {
    /// # Errors
    /// Everything that is wrong at once.
    pub fn read(credentials: &Value) -> Result<Self, Vec<FieldError>> {
        let Some(object) = credentials.as_object() else {
            return Err(vec![root("wrong_type", "must be an object with upload_id and mapping")]);
        };
        let mut errors = Vec::new();
        for name in object.keys().filter(|name| !["upload_id", "mapping"].contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            errors.push(at(&shown, "unknown_field", "is not a part of a csv connection"));
        }
        let id = match object.get("upload_id") {
            None | Some(Value::Null) => Err(at("upload_id", "missing", "is required; POST /v1/uploads gives one")),
            Some(Value::String(text)) => {
                UploadId::parse(text.as_str()).map_err(|error| at("upload_id", "invalid", &error.to_string()))
            }
            Some(_) => Err(at("upload_id", "wrong_type", "must be a string")),
        };
        let mapping = match object.get("mapping").filter(|mapping| !mapping.is_null()) {
            None => Ok(Mapping::default()),
            Some(mapping) => Mapping::from_json(mapping),
        };
        let mapping = mapping.unwrap_or_else(|found| {
            errors.extend(
                found.into_iter().map(|error| FieldError { pointer: format!("/mapping{}", error.pointer), ..error }),
            );
            Mapping::default()
        });
        match id {
            Ok(id) if errors.is_empty() => Ok(Self { id, mapping }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }

    /// Holds the mapping against the beginning of the file.
    ///
    /// # Errors
    /// Everything in which they do not fit, as fields of the mapping.
    pub fn check(&self, head: &[u8]) -> Result<(), Vec<FieldError>> {
        let under = |error: &super::CsvError| FieldError {
            pointer: if matches!(error.code, "empty_file" | "unreadable") { "/upload_id" } else { "/mapping" }
                .to_owned(),
            code: error.code,
            detail: error.to_string(),
        };
        match CsvReader::open(head, &self.mapping) {
            Ok(_) => Ok(()),
            Err(FileErrors(errors)) => Err(errors.iter().map(under).collect()),
        }
    }
}

/// One uploaded file, read when the first page is asked for and kept for the others.
pub struct CsvFile {
    uploads: Arc<dyn Blobs>,
    key: String,
    upload: Upload,
    side: Side,
    records: OnceCell<Records>,
}

impl fmt::Debug for CsvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvFile").field("key", &self.key).field("side", &self.side).finish_non_exhaustive()
    }
}

impl CsvFile {
    /// The upload is looked for under `tenant`; dates without offset or zone are meant in `zone`, the job's.
    ///
    /// # Errors
    /// [`ProviderError::Credentials`] when the connection has not the shape of one.
    pub fn open(
        uploads: Arc<dyn Blobs>,
        tenant: &TenantId,
        side: Side,
        credentials: &Value,
        zone: &str,
    ) -> Result<Self, ProviderError> {
        let mut upload = Upload::read(credentials).map_err(|errors| credentials_error(&errors))?;
        if upload.mapping.zone.is_none() {
            upload.mapping.zone = jiff::tz::TimeZone::get(zone).ok();
        }
        let key = upload_key(tenant, &upload.id);
        Ok(Self { uploads, key, upload, side, records: OnceCell::new() })
    }

    async fn records(&self) -> Result<&Records, ProviderError> {
        self.records.get_or_try_init(|| self.read()).await
    }

    /// A row that cannot be read fails the run: leaving it out would be a wrong result that looks right.
    async fn read(&self) -> Result<Records, ProviderError> {
        let id = &self.upload.id;
        let malformed = |detail: String| ProviderError::Malformed { message: format!("upload {id}: {detail}") };
        let bytes = self.uploads.get(&self.key).await.map_err(|error| match error {
            PortError::Transient(message) => ProviderError::Transient { message },
            PortError::Missing(_) | PortError::Refused(_) => ProviderError::Rejected {
                message: format!("upload {id} is not there any more; upload the file again and change the connection"),
            },
        })?;
        if bytes.len() as u64 > MAX_UPLOAD_BYTES {
            return Err(malformed(format!(
                "has {} bytes; at most {MAX_UPLOAD_BYTES} can be read: split the file by time",
                bytes.len()
            )));
        }
        let reading = read_records(bytes.as_slice(), self.side, &self.upload.mapping, false)
            .map_err(|errors| malformed(errors.to_string()))?;
        let bad = &reading.errors;
        if bad.is_empty() {
            return Ok(reading.records);
        }
        let named: Vec<String> = bad.iter().take(NAMED_ROWS).map(ToString::to_string).collect();
        let rows = if bad.len() == 1 { "1 row".to_owned() } else { format!("{} rows", bad.len()) };
        let more = if bad.len() > NAMED_ROWS { "; …" } else { "" };
        Err(malformed(format!("{rows} cannot be read: {}{more}", named.join("; "))))
    }
}

#[async_trait]
impl Provider for CsvFile {
    fn adapter(&self) -> &'static str {
        ADAPTER
    }

    fn side(&self) -> Side {
        self.side
    }

    async fn fetch(&self, window: Window, cursor: Option<Value>) -> Result<Page, ProviderError> {
        let from = match &cursor {
            None => 0,
            Some(cursor) => {
                cursor.get("record").and_then(Value::as_u64).and_then(|from| usize::try_from(from).ok()).ok_or_else(
                    || ProviderError::Malformed { message: "the cursor is not one of a csv file".to_owned() },
                )?
            }
        };
        let records = self.records().await?;
        let mut inside = records.iter().filter(|record| window.contains(record.occurred_at())).skip(from);
        let page: Vec<Record> = inside.by_ref().take(PAGE_RECORDS).map(RecordRef::to_record).collect();
        let next = inside.next().map(|_| json!({ "record": from + page.len() }));
        Ok(Page { records: page, next, ..Page::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use testkit::MemoryBlobs;

    const ZONE: &str = "America/New_York";

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    async fn uploaded(file: &str) -> Arc<MemoryBlobs> {
        let blobs = Arc::new(MemoryBlobs::default());
        blobs.put("uploads/acme/upl_1", "text/csv", file.into()).await.unwrap();
        blobs
    }

    fn open(blobs: &Arc<MemoryBlobs>, name: &str, credentials: &Value) -> Result<CsvFile, ProviderError> {
        CsvFile::open(blobs.clone(), &tenant(name), Side::Target, credentials, ZONE)
    }

    fn january() -> Window {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        Window { from: at("2026-01-01T05:00:00Z"), to: at("2026-02-01T05:00:00Z") }
    }

    #[tokio::test]
    async fn the_window_is_read_in_pages_and_days_are_the_jobs() {
        let rows: String = (0..9_000).map(|n| format!("{n},2026-01-01,{n}.00,EUR\n")).collect();
        let file = format!("id,date,amount,currency\nbefore,2025-12-31,1,EUR\n{rows}after,2026-02-01,1,EUR\n");
        let blobs = uploaded(&file).await;
        let mut seen = Vec::new();
        let mut cursor = None;
        for size in [4_000, 4_000, 1_000] {
            // Another process goes on from the cursor.
            let provider = open(&blobs, "acme", &json!({"upload_id": "upl_1"})).unwrap();
            let page = provider.fetch(january(), cursor).await.unwrap();
            assert_eq!(page.records.len(), size);
            seen.extend(page.records.into_iter().map(|record| record.id));
            cursor = page.next;
        }
        assert_eq!(cursor, None);
        assert_eq!(seen, (0..9_000).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_bad_row_fails_the_read_and_names_lines() {
        let rows: String = (0..9).map(|n| format!("{n},2026-01-01,x,EUR\n")).collect();
        let blobs = uploaded(&format!("id,date,amount,currency\nok,2026-01-01,1,EUR\n{rows}")).await;
        let error =
            open(&blobs, "acme", &json!({"upload_id": "upl_1"})).unwrap().fetch(january(), None).await.unwrap_err();
        let ProviderError::Malformed { message } = error else { panic!("{error:?}") };
        assert!(message.starts_with("upload upl_1: 9 rows cannot be read: line 3, column `amount`: `x` is no amount"));
        assert!(message.ends_with("; …") && message.contains("line 7") && !message.contains("line 8"), "{message}");
    }

    #[tokio::test]
    async fn an_upload_is_found_under_its_tenant_only() {
        let blobs = uploaded("id,date,amount,currency\n").await;
        let read = async |name: &str| {
            open(&blobs, name, &json!({"upload_id": "upl_1"}))
                .unwrap()
                .fetch(january(), None)
                .await
                .map(|page| page.records)
        };
        assert_eq!(read("acme").await, Ok(Vec::new()));
        assert!(matches!(read("other").await, Err(ProviderError::Rejected { .. })));
    }

    #[test]
    fn everything_wrong_with_a_connection_is_named_at_once() {
        let errors = Upload::read(&json!({"upload_id": "a/b", "x": 1, "mapping": {"zone": "nowhere"}})).unwrap_err();
        let places: Vec<(&str, &str)> = errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(places, [("/x", "unknown_field"), ("/mapping/zone", "invalid"), ("/upload_id", "invalid")]);
    }
}
