//! Repositories made by git, shut off from the machine's configuration.

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stopleak_core::ObjectId;
use stopleak_core::source::git::objects::Kind;
use tempfile::TempDir;

/// Objects by id.
pub type Contents = HashMap<ObjectId, (Kind, Vec<u8>)>;

/// A repository in a temporary folder.
pub struct Repo(TempDir);

impl Repo {
    /// An empty repository.
    pub fn new() -> Repo {
        let repo = Repo(TempDir::new().expect("a temporary folder"));
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// A clone that borrows the objects of another repository.
    pub fn shared_clone(other: &Repo) -> Repo {
        let repo = Repo(TempDir::new().expect("a temporary folder"));
        repo.git(&["clone", "-q", "--shared", "--no-checkout", other.path().to_str().expect("a plain path"), "."]);
        repo
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn objects(&self) -> PathBuf {
        self.path().join(".git/objects")
    }

    /// The files in the pack folder with this ending, sorted.
    pub fn packs(&self, ending: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.objects().join("pack")).expect("a pack folder");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.to_string_lossy().ends_with(ending));
        paths.sort();
        paths
    }

    /// Keeps a copy of a pack and its index, to be put back after git removed them.
    pub fn packs_aside(&self, pack: &Path) -> Aside {
        let files = [pack.to_owned(), pack.with_extension("idx")];
        Aside(files.map(|path| (std::fs::read(&path).expect("a pack file"), path)))
    }

    /// Copies a loose object from another repository.
    pub fn loose_copy(&self, other: &Repo, id: &str) {
        let place = |repo: &Repo| repo.objects().join(&id[..2]).join(&id[2..]);
        std::fs::create_dir_all(place(self).parent().expect("a folder")).expect("a folder for the object");
        std::fs::copy(place(other), place(self)).expect("a loose object");
    }

    /// Runs git; returns its trimmed output.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with_input(arguments, b"")
    }

    /// Runs git with something on standard input.
    pub fn git_with_input(&self, arguments: &[&str], input: &[u8]) -> String {
        String::from_utf8_lossy(&self.run(arguments, input)).trim().to_owned()
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is installed");
        let mut stdin = child.stdin.take().expect("it is piped");
        let output = std::thread::scope(|scope| {
            // Git may stop reading early; its exit code tells.
            scope.spawn(move || stdin.write_all(input).ok());
            child.wait_with_output().expect("git runs")
        });
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Imports tagged commits, each changing a long, a short and an empty file, as a pack or loose.
    pub fn import(&self, commits: Range<u32>, loose: bool) {
        let mut stream = String::new();
        for number in commits.clone() {
            let time = 1_600_000_000 + number;
            let from = if number > 0 && number == commits.start { "from refs/heads/main^0\n" } else { "" };
            stream += &format!("commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\n{}{from}", data("m"));
            for (path, content) in
                [("src/long.txt", long(number)), ("short.txt", format!("{number}\n")), ("empty.txt", String::new())]
            {
                stream += &format!("M 100644 inline {path}\n{}", data(&content));
            }
            stream +=
                &format!("tag v{number}\nfrom refs/heads/main\ntagger A <a@example.org> {time} +0000\n{}", data("t"));
        }
        let limit = if loose { "fastimport.unpackLimit=1000000" } else { "fastimport.unpackLimit=1" };
        self.git_with_input(&["-c", limit, "fast-import", "--quiet"], stream.as_bytes());
    }

    /// Every object that git lists, borrowed ones too.
    pub fn contents(&self) -> Contents {
        let output = self.run(&["cat-file", "--batch-all-objects", "--batch"], b"");
        let mut contents = Contents::new();
        let mut rest = &output[..];
        while !rest.is_empty() {
            let line = rest.split(|byte| *byte == b'\n').next().expect("a header line");
            let words: Vec<&str> = std::str::from_utf8(line).expect("ASCII").split(' ').collect();
            let (start, size) = (line.len() + 1, words[2].parse::<usize>().expect("a size"));
            let kind = Kind::from_name(words[1].as_bytes()).expect("a kind");
            contents.insert(id(words[0]), (kind, rest[start..start + size].to_vec()));
            rest = &rest[start + size + 1..];
        }
        contents
    }
}

/// A pack and its index that git is about to remove.
pub struct Aside([(Vec<u8>, PathBuf); 2]);

impl Aside {
    /// Puts the files back.
    pub fn put_back(self) {
        self.0
            .iter()
            .filter(|(_, path)| !path.exists())
            .for_each(|(bytes, path)| std::fs::write(path, bytes).expect("written"));
    }
}

/// An id from its 40 digits.
pub fn id(digits: &str) -> ObjectId {
    ObjectId(std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex digits")))
}

fn data(content: &str) -> String {
    format!("data {}\n{content}\n", content.len())
}

/// A version of a long file: each differs from the last in a few lines.
fn long(number: u32) -> String {
    let version = |line: u32| if line % 60 == number % 60 { number } else { 0 };
    (0..400).map(|line| format!("line {line} of version {}\n", version(line))).collect()
}
