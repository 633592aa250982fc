//! Configurations, manifests and indexes: the documents are pinned as text.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::sample::{IF_INTENDED, bare_config, config};
use invar_oci::{Image, ImageConfig, Index, Layer};
use invar_tree::Digest;

fn layers() -> [Layer; 2] {
    [b"one".as_slice(), b"two"].map(|name| Layer {
        digest: Digest::of(name),
        size: 100 + name[0] as u64,
        diff_id: Digest::of(&[name, name].concat()),
        uncompressed_size: 1024,
    })
}

#[track_caller]
fn check(document: &[u8], expected: &str) {
    assert_eq!(str::from_utf8(document).unwrap(), expected, "{IF_INTENDED}");
}

#[test]
fn a_full_configuration() {
    let image = Image::new(&config("arm64"), &layers(), &BTreeMap::new());
    check(
        &image.config,
        concat!(
            r#"{"created":"1980-01-02T00:00:00Z","architecture":"arm64","os":"linux","variant":"v8","#,
            r#""config":{"User":"1000:1000","ExposedPorts":{"53/udp":{},"8000/tcp":{}},"#,
            r#""Env":["PATH=/app/bin:/usr/bin","LANG=C.UTF-8"],"#,
            r#""Entrypoint":["/app/bin/python","-m","app"],"Cmd":["--port","8000"],"Volumes":{"/data":{}},"#,
            r#""WorkingDir":"/app","Labels":{"org.opencontainers.image.title":"größe <&> \"x\""},"#,
            r#""StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","/app/bin/python","-c","pass"],"#,
            r#""Interval":30000000000,"Timeout":1500000000,"Retries":3}},"#,
            r#""rootfs":{"type":"layers","diff_ids":["#,
            r#""sha256:4601c46d355856bb6a42bd47ce94455da93bd688be342b0fde314381b9533948","#,
            r#""sha256:d01e1f8a7ef92041b5c5c37230f050135ff07ce4703dc30e90318c12324324bc"]},"#,
            r#""history":[{"created":"1980-01-02T00:00:00Z","created_by":"invar: Debian packages"},"#,
            r#"{"created":"1980-01-02T00:00:00Z","created_by":"invar: source","comment":"app"}]}"#,
        ),
    );
    assert_eq!(image.config_digest, Digest::of(&image.config));
}

#[test]
fn a_bare_configuration() {
    let image = Image::new(&bare_config(), &[], &BTreeMap::new());
    check(
        &image.config,
        concat!(
            r#"{"created":"1980-01-02T00:00:00Z","architecture":"amd64","os":"linux","config":{},"#,
            r#""rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#,
        ),
    );
    let empty = ImageConfig { entrypoint: Some(vec![]), cmd: Some(vec![]), ..bare_config() };
    let image = Image::new(&empty, &[], &BTreeMap::new());
    let text = str::from_utf8(&image.config).unwrap();
    assert!(text.contains(r#""config":{"Entrypoint":[],"Cmd":[]}"#), "{text}");
}

#[test]
fn a_manifest() {
    let annotations = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into();
    let image = Image::new(&bare_config(), &layers(), &annotations);
    check(
        &image.manifest,
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:028b265c19b0b32e96c78856058ce07b813f68b600f002f28fa7fe09f483fb58","size":352},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed","size":211},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3","size":216}],"annotations":{"a":"1","b":"2"}}"#,
    );
    assert_eq!(image.manifest_digest, Digest::of(&image.manifest));
    let image = Image::new(&bare_config(), &[], &BTreeMap::new());
    check(
        &image.manifest,
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:bc8f382d50e3d577dfa610fddf679160c2a39cfbaea1f999156fe92aeef1c6ab","size":136},"layers":[]}"#,
    );
}

#[test]
fn an_index() {
    let images = ["arm64", "amd64"].map(config).map(|config| {
        let image = Image::new(&config, &layers(), &BTreeMap::new());
        (config.platform(), image)
    });
    let images = images.each_ref().map(|(platform, image)| (platform.clone(), image));
    let index = Index::new(&images, &[("a".to_owned(), "1".to_owned())].into());
    check(
        &index.bytes,
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:463099d25db3d5461c9e42e14a74ec19de3a39e30270c3d30a6bb71bd4788c8b","size":555,"platform":{"architecture":"arm64","os":"linux","variant":"v8"}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:7d91d0226f372a600b5fae996bcae61ea7cd52006edbbf814959d6764fe7a59f","size":555,"platform":{"architecture":"amd64","os":"linux"}}],"annotations":{"a":"1"}}"#,
    );
    assert_eq!(index.digest, Digest::of(&index.bytes));
}

#[track_caller]
fn check_history(entries: usize, layers: &[Layer], expected: &str) {
    let history = config("amd64").history.into_iter().take(entries).collect();
    let image = Image::new(&ImageConfig { history, ..bare_config() }, layers, &BTreeMap::new());
    let document = str::from_utf8(&image.config).unwrap();
    let (_, history) = document.split_once(r#","history":"#).unwrap();
    assert_eq!(history.replace(r#""created":"1980-01-02T00:00:00Z""#, "T"), format!("{expected}}}"));
}

#[test]
fn a_history_is_made_to_fit_the_layers() {
    let layers = layers();
    check_history(1, &layers[..1], r#"[{T,"created_by":"invar: Debian packages"}]"#);
    check_history(0, &layers, "[{T},{T}]");
    check_history(1, &layers, r#"[{T,"created_by":"invar: Debian packages"},{T}]"#);
    check_history(
        2,
        &layers[..1],
        r#"[{T,"created_by":"invar: Debian packages"},{T,"created_by":"invar: source","comment":"app","empty_layer":true}]"#,
    );
}

#[test]
fn durations_beyond_go_are_cut() {
    let mut config = config("amd64");
    config.healthcheck.as_mut().unwrap().interval = Some(Duration::MAX);
    let image = Image::new(&config, &[], &BTreeMap::new());
    let document: serde_json::Value = serde_json::from_slice(&image.config).unwrap();
    assert_eq!(document["config"]["Healthcheck"]["Interval"], i64::MAX);
}

#[test]
fn a_layer_is_kept_as_json() {
    let layer = &layers()[0];
    let text = serde_json::to_string(layer).unwrap();
    assert_eq!(serde_json::from_str::<Layer>(&text).unwrap(), *layer);
}
