//! Checkpoints: the state of a log in one file, so that readers need not replay its commits.

use deltalake_core::checkpoints::create_checkpoint;
use object_store::ObjectStoreExt as _;
use object_store::path::Path as Key;
use serde_json::Value;

use crate::store::error::StoreError;
use crate::store::location::Location;

/// Writes a checkpoint of a table's newest version. Gives the version, or none when there is one already.
pub(super) async fn write(location: &Location, name: &'static str) -> Result<Option<u64>, StoreError> {
    let table = location.load(name).await?;
    let Some(version @ 1..) = table.version() else { return Ok(None) };
    let error = |cause: object_store::Error| location.error(name, cause);
    let hint = match table.object_store().get(&Key::from("_delta_log/_last_checkpoint")).await {
        Ok(hint) => hint.bytes().await.map_err(error)?,
        Err(object_store::Error::NotFound { .. }) => Default::default(),
        Err(cause) => return Err(error(cause)),
    };
    let last = serde_json::from_slice::<Value>(&hint).ok();
    if last.and_then(|last| last.get("version")?.as_u64()) == Some(version) {
        return Ok(None);
    }
    create_checkpoint(&table, None).await.map_err(|cause| location.error(name, cause))?;
    Ok(Some(version))
}
