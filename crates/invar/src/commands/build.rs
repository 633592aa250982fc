//! `invar build`
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::HumanBytes;
use invar_build::{BuildRequest, Built, Stream, Target, build};
use invar_checkout::{ProjectFiles, Replaced};
use invar_lock::proposals;
use invar_project::{Platform, Purpose};
use serde_json::json;

use crate::cli::{Build, Format, Global};
use crate::failure::Failure;
use crate::manifest;
use crate::open::Open;
use crate::output::say;
use crate::report::{CliReporter, print, propose};

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Build, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let platforms: Result<Vec<Platform>, _> =
        options.platform.iter().map(|platform| platform.parse()).collect();
    let platforms = platforms.map_err(|error| Failure::input(error.to_string(), None))?;
    #[cfg(feature = "inspect")]
    if options.derive.show_manifest {
        return manifest::show(
            global,
            &options.project,
            &options.derive.derive,
            Purpose::Build,
            options.locking.locked,
        );
    }
    let open = Open {
        project: &options.project,
        derive: &options.derive.derive,
        purpose: Purpose::Build,
        keyring: options.keyring.as_deref(),
        locking: options.locking,
        keep_failed: options.keep_failed,
    };
    let to_stdout = options.output.as_deref() == Some(Path::new("-"));
    if to_stdout && std::io::stdout().is_terminal() {
        let hint = "redirect the output, or name a file with -o";
        return Err(Failure::input("refusing to write an archive to a terminal", Some(hint)));
    }
    let (session, files) = open.open(global, reporter)?;
    let output = match &options.output {
        Some(output) => {
            if !to_stdout {
                files.check_output(output)?;
            }
            output.clone()
        }
        None => default_output(&files, options.format, &platforms)?,
    };
    let target = target(options.format, &output)?;
    let replaced = match &options.output {
        None => Replaced::put_aside(&output)?,
        Some(_) => None,
    };
    let built = build(&session, &files, &BuildRequest { target, platforms })?;
    drop(replaced);
    propose(&proposals(&files), false, reporter);
    reporter.finish();
    if to_stdout {
        // The archive is the result; what else there is to say goes where it does not mix with it.
        if !global.quiet {
            say(&if global.json {
                as_json(&built, None, &files).to_string()
            } else {
                built.digest.to_string()
            });
        }
        return Ok(ExitCode::SUCCESS);
    }
    if global.json {
        return print(&format!("{}\n", as_json(&built, Some(&output), &files)));
    }
    if !global.quiet {
        summarise(&built, options.format, &output);
    }
    print(&format!("{}\n", built.digest))
}

/// `dist/NAME-VERSION` in the project's folder, with what distinguishes it from other builds of the project.
fn default_output(files: &ProjectFiles, format: Format, platforms: &[Platform]) -> Result<PathBuf, Failure> {
    let dist = files.create_dist()?;
    let name = files.default_output();
    let name = name.rsplit('/').next().unwrap_or(&name);
    let architecture = |platform: &Platform| {
        let name = platform.to_string();
        format!("-{}", name.rsplit('/').next().unwrap_or(&name))
    };
    let platforms: String = platforms.iter().map(architecture).collect();
    let ending = match format {
        Format::Archive => "tar",
        Format::OciDir => "oci",
        Format::Rootfs => "rootfs.tar",
        Format::RootfsDir => "rootfs",
    };
    Ok(dist.join(format!("{name}{platforms}.{ending}")))
}

fn target(format: Format, output: &Path) -> Result<Target, Failure> {
    let stream = || match output == Path::new("-") {
        true => Stream::StandardOutput,
        false => Stream::File(output.to_owned()),
    };
    let folder = || match output == Path::new("-") {
        true => Err(Failure::input(
            "a directory cannot be written to standard output",
            Some("name a directory with -o"),
        )),
        false => Ok(output.to_owned()),
    };
    Ok(match format {
        Format::Archive => Target::Archive(stream()),
        Format::OciDir => Target::OciDirectory(folder()?),
        Format::Rootfs => Target::Rootfs(stream()),
        Format::RootfsDir => Target::RootfsDirectory(folder()?),
    })
}

fn as_json(built: &Built, output: Option<&Path>, files: &ProjectFiles) -> serde_json::Value {
    let images: Vec<serde_json::Value> = built
        .images
        .iter()
        .map(|image| {
            let layers: Vec<serde_json::Value> = image
                .layers
                .iter()
                .map(|layer| {
                    json!({
                        "name": layer.name.as_str(),
                        "digest": layer.layer.digest,
                        "diff-id": layer.layer.diff_id,
                        "size": layer.layer.size,
                        "uncompressed-size": layer.layer.uncompressed_size,
                    })
                })
                .collect();
            json!({
                "platform": image.platform.to_string(),
                "digest": image.digest,
                "image-id": image.id,
                "layers": layers,
            })
        })
        .collect();
    let mut value = json!({
        "reference": built.reference.familiar(),
        "digest": built.digest,
        "output": output,
        "images": images,
    });
    if let Some(from) = manifest::as_json(files) {
        value["derived-from"] = from;
    }
    if let [image] = images.as_slice() {
        // The usual case without a level of nesting.
        value["image-id"] = image["image-id"].clone();
        value["layers"] = image["layers"].clone();
    }
    value
}

fn summarise(built: &Built, format: Format, output: &Path) {
    for image in &built.images {
        let unpacked: u64 = image.layers.iter().map(|layer| layer.layer.uncompressed_size).sum();
        let packed: u64 = image.layers.iter().map(|layer| layer.layer.size).sum();
        say(&format!(
            "Built {} for {}: {} in {} layers, {} unpacked",
            built.reference.familiar(),
            image.platform,
            HumanBytes(packed),
            image.layers.len(),
            HumanBytes(unpacked)
        ));
    }
    match format {
        Format::Archive => say(&format!("Wrote {0}; load it with: docker load -i {0}", output.display())),
        Format::OciDir | Format::Rootfs | Format::RootfsDir => say(&format!("Wrote {}", output.display())),
    }
}
