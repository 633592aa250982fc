use std::collections::{BTreeMap, BTreeSet};

use invar_oci::{Healthcheck, History, ImageConfig};
use invar_project::{HealthCheck, Manifest, Platform};
use invar_tree::SEARCH_PATH;

use crate::ENVIRONMENT;
use crate::layer::LayerName;

/// The image configuration for `manifest` on `platform`.
///
/// `created` is the lock's date in the form of RFC 3339. With `python`, the virtual environment comes first in `PATH`
/// and `VIRTUAL_ENV` names it. `LANG=C.UTF-8` is set since Python decodes file names by it. `HOME` is set for a user that the
/// manifest adds. What the manifest sets comes last, and so replaces any of these.
pub fn image_config(
    manifest: &Manifest,
    platform: Platform,
    created: &str,
    python: bool,
    layers: &[LayerName],
) -> ImageConfig {
    let image = &manifest.image;
    let path = if python { format!("/{ENVIRONMENT}/bin:{SEARCH_PATH}") } else { SEARCH_PATH.to_owned() };
    let mut env = BTreeMap::from([("PATH".to_owned(), path), ("LANG".to_owned(), "C.UTF-8".to_owned())]);
    if python {
        env.insert("VIRTUAL_ENV".to_owned(), format!("/{ENVIRONMENT}"));
    }
    if let Some((name, account)) = image.own_account() {
        env.insert("HOME".to_owned(), account.home(name));
    }
    env.extend(image.env.iter().map(|(name, value)| (name.to_string(), value.clone())));
    let history = |layer: &LayerName| History {
        created: created.to_owned(),
        created_by: "invar build".to_owned(),
        comment: Some(layer.describe().to_owned()),
    };
    ImageConfig {
        architecture: platform.architecture().to_owned(),
        variant: None,
        created: created.to_owned(),
        entrypoint: image.entrypoint.clone(),
        cmd: image.command.clone(),
        env: env.into_iter().collect(),
        user: image.user.as_ref().map(ToString::to_string),
        working_dir: Some(image.workdir.to_string()),
        exposed_ports: image.ports.iter().map(ToString::to_string).collect::<BTreeSet<_>>(),
        volumes: image.volumes.iter().map(ToString::to_string).collect(),
        labels: image.labels.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        stop_signal: image.stop_signal.as_ref().map(ToString::to_string),
        healthcheck: image.health_check.as_ref().map(health_check),
        history: layers.iter().map(history).collect(),
    }
}

fn health_check(check: &HealthCheck) -> Healthcheck {
    let mut test = vec!["CMD".to_owned()];
    test.extend(check.command.iter().cloned());
    Healthcheck {
        test,
        interval: check.interval.map(|interval| interval.duration()),
        timeout: check.timeout.map(|interval| interval.duration()),
        start_period: check.start_period.map(|interval| interval.duration()),
        retries: check.retries,
    }
}
