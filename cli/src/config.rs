//! Where the API is and who is asking: flag, else environment, else file. Whatever is missing is named at once.

use crate::{
    args::Target,
    exit::{CliError, Result},
    output,
};
use serde::Deserialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A secret that cannot be printed by accident.
#[derive(Clone, Deserialize)]
pub struct ApiKey(String);

impl ApiKey {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[derive(Debug)]
pub struct Config {
    pub api_url: String,
    pub api_key: ApiKey,
    pub tenant: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    api_url: Option<String>,
    api_key: Option<ApiKey>,
    tenant: Option<String>,
}

impl Config {
    /// # Errors
    /// Usage, naming everything that is missing, or the file when it cannot be read.
    pub fn load(flags: &Target, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let path = path(&env);
        let file = path.as_deref().map(read).transpose()?.unwrap_or_default();
        let given =
            |flag: &Option<String>, name: &str| flag.clone().or_else(|| env(name)).filter(|value| !value.is_empty());
        let api_url = given(&flags.api_url, "SETTLER_API_URL").or(file.api_url);
        let api_key = given(&flags.api_key, "SETTLER_API_KEY").map(ApiKey).or(file.api_key);
        let tenant = given(&flags.tenant, "SETTLER_TENANT").or(file.tenant).filter(|tenant| !tenant.is_empty());
        match (api_url, api_key) {
            (Some(api_url), Some(api_key)) => Ok(Self { api_url, api_key, tenant }),
            (api_url, api_key) => Err(CliError::Usage(missing(api_url.is_none(), api_key.is_none(), path.as_deref()))),
        }
    }
}

fn missing(url: bool, key: bool, path: Option<&Path>) -> String {
    let mut text = "not configured yet:".to_owned();
    if url {
        text.push_str("\n  the address of the API: --api-url URL, or SETTLER_API_URL, or \"api_url\" in the file");
    }
    if key {
        text.push_str("\n  the API key: SETTLER_API_KEY, or \"api_key\" in the file, or --api-key KEY (other users of this machine may see it)");
    }
    let path = path.map_or_else(|| "~/.config/settler/config.json".into(), |path| path.display().to_string());
    text + &format!("\n  the file: {path}, such as {{\"api_url\": \"https://…\", \"api_key\": \"sk_…\"}}")
}

fn path(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(base.join("settler").join("config.json"))
}

fn read(path: &Path) -> Result<File> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            return Err(CliError::Usage(format!("cannot read the configuration {}: {error}", path.display())));
        }
    };
    let file: File = serde_json::from_str(&text).map_err(|error| {
        // serde's message may quote a value, and a value may be the key: only the place is told.
        let place = format!("line {}, column {}", error.line(), error.column());
        CliError::Usage(format!("the configuration {} is not as expected ({place}): it holds \"api_url\", \"api_key\" and \"tenant\", all texts", path.display()))
    })?;
    if file.api_key.is_some() && readable_by_others(path) {
        output::note(&format!(
            "warning: {} holds your key and other users can read it; run: chmod 600 {0}",
            path.display()
        ));
    }
    Ok(file)
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> bool {
    false
}
