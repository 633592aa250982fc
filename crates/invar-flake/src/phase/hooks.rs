//! Functions that nixpkgs' build environment adds to the shell: wrappers, manuals, completions.
use super::FileContent;
use super::arguments::Arguments;
use super::files::{PathContent, base, join, parent};
use super::interpreter::{Interpreter, Outcome};
use super::wrapper::Wrapper;

impl Interpreter<'_> {
    pub(super) fn make_wrapper(&mut self, words: &[String]) -> Outcome {
        let [program, path, flags @ ..] = words else {
            return Outcome::unread("it names no program or no path");
        };
        let path = self.path(path);
        self.put_wrapper(program, &path, flags)
    }

    fn put_wrapper(&mut self, program: &str, path: &str, flags: &[String]) -> Outcome {
        match Wrapper::parse(program, flags) {
            Ok(wrapper) => {
                self.place(path, FileContent::Wrapper(Box::new(wrapper)), Some(0o755));
                Outcome::DONE
            }
            Err(flag) => {
                let why = format!("{} is unknown, or lacks its values", flag.0);
                let put =
                    FileContent::Unknown { command: format!("makeWrapper {program}"), why: why.clone() };
                self.place(path, put, None);
                Outcome::unread(why)
            }
        }
    }

    /// Moves a program aside, and puts a wrapper in its place.
    pub(super) fn wrap_program(&mut self, words: &[String]) -> Outcome {
        let Some((program, flags)) = words.split_first() else {
            return Outcome::unread("it names no program");
        };
        let path = self.path(program);
        match self.files.find(&path) {
            PathContent::Missing => Outcome::fails(format!("`{program}` does not exist")),
            // A wrapper of a wrapper is one wrapper of the program.
            PathContent::Put(FileContent::Wrapper(inner), _) => match Wrapper::parse(&inner.program, flags) {
                Ok(outer) => {
                    let mut both = *inner;
                    let mut environment = outer.environment;
                    environment.append(&mut both.environment);
                    both.environment = environment;
                    let mut before = both.before;
                    before.extend(outer.before);
                    both.before = before;
                    let mut after = outer.after;
                    after.extend(both.after);
                    both.after = after;
                    both.directory = both.directory.or(outer.directory);
                    both.shell.splice(0..0, outer.shell);
                    self.place(&path, FileContent::Wrapper(Box::new(both)), Some(0o755));
                    Outcome::DONE
                }
                Err(flag) => Outcome::unread(format!("{} is unknown", flag.0)),
            },
            PathContent::Put(put, mode) => {
                let hidden = join(parent(&path), &format!(".{}-wrapped", base(&path)));
                self.place(&hidden, put, mode);
                self.put_wrapper(&hidden, &path, flags)
            }
        }
    }

    /// Copies files into a directory of the output.
    pub(super) fn install_into(&mut self, directory: &str, files: &[String], mode: Option<u32>) -> Outcome {
        let mut problem = None;
        for word in files.iter().filter(|word| !word.starts_with("--")) {
            let from = self.path(word);
            let target = join(&join(&self.output, directory), base(&from));
            match self.files.find(&from) {
                PathContent::Missing => problem = Some(format!("`{word}` is not in the project")),
                PathContent::Put(put, old) => self.place(&target, put, mode.or(old)),
            }
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    pub(super) fn install_manual(&mut self, words: &[String]) -> Outcome {
        let mut problem = None;
        for word in words {
            let name = word.strip_suffix(".gz").unwrap_or(word);
            let section = name.rsplit('.').next().and_then(|section| section.chars().next()).unwrap_or('1');
            let files = std::slice::from_ref(word);
            let outcome = self.install_into(&format!("share/man/man{section}"), files, None);
            problem = problem.or(outcome.problem);
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    pub(super) fn install_shell_completion(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["cmd", "name", "bash", "zsh", "fish"]);
        // With a command it is what the program prints.
        if arguments.has(&["cmd"]) {
            return Outcome::unread("completions are what a program prints when it is run");
        }
        let mut problem = None;
        for word in &arguments.operands {
            let directory = match word.rsplit('.').next() {
                Some("fish") => "share/fish/vendor_completions.d",
                Some("zsh") => "share/zsh/site-functions",
                _ => "share/bash-completion/completions",
            };
            let outcome = self.install_into(directory, std::slice::from_ref(word), None);
            problem = problem.or(outcome.problem);
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }
}
