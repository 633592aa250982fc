//! What the locks of other tools among a build's files are fetched for.
use invar_project::AbsoluteUrl;
use invar_python::{Source, UvLock};
use invar_realise::{Consumer, RealiseError, Vendored};
use invar_tree::{Contents, Tree};

use crate::context::BuildContext;
use crate::tools::Tools;

/// The files for a build of `tree`, as far as `tools` can use them; `inside` is the folder that is built.
///
/// # Errors
/// What fetching says.
pub fn vendored(
    context: &BuildContext<'_>,
    tree: &Tree,
    contents: &dyn Contents,
    inside: &str,
    tools: &Tools,
) -> Result<Option<Vendored>, RealiseError> {
    let consumer = Consumer {
        platform: context.platform,
        python: invar_plan::target(context.lock, context.platform).ok(),
        indexes: context.files.uv_lock.as_ref().map(indexes).unwrap_or_default(),
        can_use: &|ecosystem| tools.can_use(ecosystem),
    };
    Vendored::of(context.sources, &consumer, tree, contents, inside)
}

/// The indexes that `uv.lock` names.
fn indexes(lock: &UvLock) -> Vec<AbsoluteUrl> {
    let mut urls: Vec<AbsoluteUrl> = Vec::new();
    for package in &lock.packages {
        if let Source::Registry(url) = &package.source
            && let Ok(url) = url.parse::<AbsoluteUrl>()
            && !urls.contains(&url)
        {
            urls.push(url);
        }
    }
    urls
}
