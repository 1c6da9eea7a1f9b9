//! Opens the store: a file in the state folder, or a database on a server.

use crate::args::StoreArgs;
use crate::commands::record::state_folder;
use crate::commands::request;
use crate::failure::{Failure, OrFail, Result};
use std::path::{Path, PathBuf};
use stopleak_core::report::Saved;
use stopleak_core::sweep::{Store, StoreError, StoreKey};

/// Where a sweep keeps what it knows, made where it is not there.
pub fn open(args: &StoreArgs) -> Result<Store> {
    let folder = folder(args)?;
    std::fs::create_dir_all(&folder).or_fail(|| format!("cannot make the state folder {}", folder.display()))?;
    let file = folder.join("sweep.db").display().to_string();
    let store = args.store.clone().unwrap_or(file);
    let key = args.store_key.clone().unwrap_or_else(|| folder.join("store.key"));
    opened(&store, &key)
}

/// The same, for a store that must be there.
pub fn open_existing(args: &StoreArgs) -> Result<Store> {
    let folder = folder(args)?;
    let file = args.store.clone().unwrap_or_else(|| folder.join("sweep.db").display().to_string());
    exists(&file)?;
    open(args)
}

/// All findings of a store.
pub fn export(store: &str, key: Option<&Path>) -> Result<Saved> {
    at(store, key)?.export(request::now(), usize::MAX).map_err(failed)
}

/// A store that must be there; its key is beside it unless it is named.
pub fn at(store: &str, key: Option<&Path>) -> Result<Store> {
    exists(store)?;
    let beside = match is_server(store) {
        true => folder(&StoreArgs::default())?.join("store.key"),
        false => Path::new(store).with_file_name("store.key"),
    };
    opened(store, key.unwrap_or(&beside))
}

/// Where state is kept.
pub fn folder(args: &StoreArgs) -> Result<PathBuf> {
    if let Some(folder) = &args.state {
        return Ok(folder.clone());
    }
    state_folder().map(|folder| folder.join("sweep"))
}

/// A failure of the store, with the next step.
pub fn failed(error: StoreError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        StoreError::OtherKey => failure.hint(
            "every machine needs the key that the store was made with: copy its store.key, or set STOPLEAK_STORE_KEY",
        ),
        StoreError::Newer(..) => failure.hint("update stopleak"),
        StoreError::Missing(_) => failure.hint("`stopleak sweep status --findings` lists them"),
        _ => failure,
    }
}

fn is_server(store: &str) -> bool {
    store.starts_with("postgres://") || store.starts_with("postgresql://")
}

fn exists(store: &str) -> Result<()> {
    match is_server(store) || Path::new(store).is_file() {
        true => Ok(()),
        false => Err(Failure::new(format!("there is no store {store}")).hint("`stopleak sweep run TARGET` makes one")),
    }
}

fn opened(store: &str, key: &Path) -> Result<Store> {
    let key = key_in(key)?;
    let opened = match is_server(store) {
        false => Store::in_file(Path::new(store), key),
        true => on_server(store, key)?,
    };
    opened.map_err(failed)
}

#[cfg(feature = "postgres")]
fn on_server(store: &str, key: StoreKey) -> Result<std::result::Result<Store, StoreError>> {
    Ok(Store::on_server(store, key))
}

#[cfg(not(feature = "postgres"))]
fn on_server(_: &str, _: StoreKey) -> Result<std::result::Result<Store, StoreError>> {
    Err(Failure::new("this stopleak was built without PostgreSQL"))
}

fn key_in(file: &Path) -> Result<StoreKey> {
    if let Some(text) = std::env::var_os("STOPLEAK_STORE_KEY").filter(|text| !text.is_empty()) {
        return StoreKey::parse(&text.to_string_lossy()).or_fail(|| "cannot use STOPLEAK_STORE_KEY".to_owned());
    }
    let random = |bytes: &mut [u8; 32]| stopleak_core::secret::random(bytes);
    StoreKey::in_file(file, random).or_fail(|| "cannot open the store".to_owned())
}
