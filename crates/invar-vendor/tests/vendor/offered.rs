use std::fs::{self, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use invar_tree::{ImagePath, Machine, Mode, Owner, Sink, SinkError};
use invar_vendor::{Ecosystem, FetchedFile, LockedFile, Offer, Target, VendorError};
use tempfile::TempDir;

pub const TARGET: Target = Target { machine: Machine::X86_64 };

/// A tree on the disk.
pub struct Disk(PathBuf);

impl Disk {
    fn place(&self, path: &ImagePath) -> PathBuf {
        let place = self.0.join(path.as_str());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }
}

impl Sink for Disk {
    fn directory(&mut self, path: ImagePath, _: Mode, _: Owner) -> Result<(), SinkError> {
        fs::create_dir_all(self.place(&path)).map_err(|source| SinkError::Write { path, source })
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        _: Owner,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let place = self.place(&path);
        let mut file = match fs::File::create_new(&place) {
            Ok(file) => file,
            Err(_) => return Err(SinkError::Duplicate { path }),
        };
        io::copy(content, &mut file).map_err(|source| SinkError::Read { path, source })?;
        fs::set_permissions(place, Permissions::from_mode(mode.bits())).unwrap();
        Ok(())
    }

    fn symlink(&mut self, path: ImagePath, _: Arc<str>, _: Owner) -> Result<(), SinkError> {
        panic!("an offer has no links, but one at {path}");
    }

    fn copy(&mut self, path: ImagePath, _: &ImagePath) -> Result<(), SinkError> {
        panic!("an offer has no second names, but one at {path}");
    }
}

/// A project, what is offered to it, and a home of its own.
pub struct World {
    directory: TempDir,
}

impl World {
    /// A project with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        for (path, content) in files {
            let path = world.project().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::create_dir(world.directory.path().join("home")).unwrap();
        world
    }

    pub fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// Offers what `lock` needs to the tool; `content` gives the files by name and version.
    pub fn offer(
        &self,
        ecosystem: Ecosystem,
        lock: &str,
        content: &dyn Fn(&LockedFile) -> (String, Vec<u8>),
    ) -> Result<Offer, VendorError> {
        let needed = invar_vendor::read_lock(ecosystem, lock, &TARGET)?;
        let contents: Vec<(String, Vec<u8>)> = needed.iter().map(content).collect();
        let files: Vec<FetchedFile<'_>> = needed
            .iter()
            .zip(&contents)
            .map(|(needed, (name, bytes))| {
                let open = || Ok(Box::new(bytes.as_slice()) as Box<dyn Read>);
                FetchedFile::new(needed, Box::new(open)).named(name)
            })
            .collect();
        // The offer's place in the image is its place on this disk.
        let at = self.directory.path().join("offer");
        let at = ImagePath::parse(at.to_str().unwrap().trim_start_matches('/')).unwrap();
        invar_vendor::offer(ecosystem, &files, &at, &mut Disk(PathBuf::from("/")))
    }

    /// Runs a program in the project, with the offer's environment and nothing of the host's but a path of programs.
    #[track_caller]
    pub fn run(&self, program: &Path, arguments: &[&str], offer: &Offer) -> String {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.directory.path().join("home"))
            .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
            .envs(&offer.environment)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{program:?} {arguments:?}: {}\n{stdout}\n{stderr}", output.status);
        stdout
    }
}

/// Whether the program answers; otherwise the test is skipped, and says so.
pub fn have(program: &str, arguments: &[&str]) -> bool {
    let works = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("SKIPPED: {program} {} does not work here", arguments.join(" "));
    }
    works
}

/// A tar archive of files with mode 0644.
pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
