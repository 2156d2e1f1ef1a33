//! The query engine of a session: DataFusion with our functions, sized for this machine.

use std::sync::Arc;

use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::local::LocalFileSystem;

use super::SessionError;
use crate::objects::{Counted, Traffic};

/// An engine that counts what it reads.
///
/// # Errors
/// Never in practice; DataFusion's own checks are passed on.
pub(super) fn engine(traffic: &Arc<Traffic>) -> Result<SessionContext, SessionError> {
    let mut config = SessionConfig::new().with_information_schema(true);
    // So that errors of planning say where in the text they are.
    config.options_mut().sql_parser.collect_spans = true;
    // A file that a statement names may be another one at the next statement.
    let caches =
        CacheManagerConfig { list_files_cache: None, list_files_cache_limit: 0, ..Default::default() };
    let runtime = RuntimeEnvBuilder::new().with_cache_manager(caches).build_arc()?;
    let mut ctx = SessionContext::new_with_config_rt(config, runtime);
    let disk = Counted::new(Arc::new(LocalFileSystem::new()), Arc::clone(traffic));
    ctx.register_object_store(ObjectStoreUrl::local_filesystem().as_ref(), Arc::new(disk));
    datafusion_functions_json::register_all(&mut ctx)?;
    crate::functions::register(&ctx);
    Ok(ctx)
}

/// The names of all functions of a session, in lower case.
pub(crate) fn function_names() -> Vec<String> {
    let Ok(ctx) = engine(&Arc::default()) else { return Vec::new() };
    let state = ctx.state();
    let names = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
    names.chain(state.window_functions().keys()).map(|name| name.to_lowercase()).collect()
}
