//! Makes archives: by hand where a few lines do, else by a tool; a format whose tool is missing is left out, loudly.

use crate::archives::{Packed, zip_of};
pub use crate::archives::{ar, cpio, end_of_zip, tar, tar_header};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use zlib_rs::{Deflate, DeflateFlush};

/// Packs one file of this name.
type Pack = Box<dyn Fn(&str, &[u8]) -> Vec<u8> + Send + Sync>;

/// One way to make an archive.
pub struct Format {
    pub name: String,
    pub pack: Pack,
    /// Whether names of members are kept.
    pub has_names: bool,
}

/// Every format that can be made on this machine.
pub struct Formats {
    pub all: Vec<Format>,
}

impl Formats {
    pub fn new() -> Formats {
        let mut all = by_hand();
        for (name, tool, has_names, script) in SCRIPTS {
            if !has(tool) {
                eprintln!("SKIPPED: `{tool}` is not installed, so {name} is not tested against it");
                continue;
            }
            let pack = move |file: &str, content: &[u8]| run(script, file, content);
            all.push(Format { name: (*name).to_owned(), pack: Box::new(pack), has_names: *has_names });
        }
        Formats { all }
    }
}

/// Name, the tool it takes, whether names are kept, and what to run: `$F` is the file's name, the archive goes to `$OUT`.
const SCRIPTS: &[(&str, &str, bool, &str)] = &[
    ("tar v7", "tar", true, "tar --format=v7 -cf $OUT $F"),
    ("tar oldgnu", "tar", true, "tar --format=oldgnu -cf $OUT $F"),
    ("tar gnu", "tar", true, "tar --format=gnu -cf $OUT $F"),
    ("tar ustar", "tar", true, "tar --format=ustar -cf $OUT $F"),
    ("tar pax", "tar", true, "tar --format=posix -cf $OUT $F"),
    ("tar sparse", "tar", true, "truncate -s +40M $F; truncate -s +1K $F; tar --format=gnu -cSf $OUT $F"),
    ("tar sparse pax", "tar", true, "truncate -s +40M $F; tar --format=posix -cSf $OUT $F"),
    ("tar.gz", "gzip", true, "tar -czf $OUT $F"),
    ("tar.bz2", "bzip2", true, "tar -cjf $OUT $F"),
    ("tar.xz", "xz", true, "tar -cJf $OUT $F"),
    ("tar.zst", "zstd", true, "tar --zstd -cf $OUT $F"),
    ("zip tool", "zip", true, "zip -q $OUT $F"),
    ("zip stream", "zip", true, "zip -q - $F | cat > $OUT"),
    ("zip bzip2", "zip", true, "zip -q -Z bzip2 $OUT $F"),
    (
        "zip64",
        "python3",
        true,
        "python3 -c \"import zipfile as z,sys; a=z.ZipFile('$OUT','w',8); f=a.open('$F','w',force_zip64=True); f.write(open('$F','rb').read()); f.close(); a.close()\"",
    ),
    ("zip lzma", "python3", true, "python3 -c \"import zipfile as z; z.ZipFile('$OUT','w',14).write('$F')\""),
    ("jar", "jar", true, "jar cf $OUT $F"),
    ("gzip tool", "gzip", false, "gzip -c $F > $OUT"),
    ("gzip two", "gzip", false, "(head -c 7 $F | gzip; tail -c +8 $F | gzip -9) > $OUT"),
    ("bzip2", "bzip2", false, "bzip2 -c $F > $OUT"),
    ("bzip2 two", "bzip2", false, "(head -c 7 $F | bzip2; tail -c +8 $F | bzip2 -9) > $OUT"),
    ("xz", "xz", false, "xz -c $F > $OUT"),
    ("xz two", "xz", false, "(head -c 7 $F | xz; tail -c +8 $F | xz -9) > $OUT"),
    ("xz x86", "xz", false, "xz --x86 --lzma2=preset=6 -c $F > $OUT"),
    ("lzma", "xz", false, "xz --format=lzma -c $F > $OUT"),
    ("zstd tool", "zstd", false, "zstd -qc $F > $OUT"),
    ("zstd long", "zstd", false, "zstd -q --ultra -22 --long=27 -c < $F > $OUT"),
    (
        "zstd two",
        "zstd",
        false,
        "(head -c 7 $F | zstd -qc; printf '\\120\\052\\115\\030\\003\\000\\000\\000abc'; tail -c +8 $F | zstd -qc) > $OUT",
    ),
    ("lz4 tool", "lz4", false, "lz4 -qc $F > $OUT"),
    ("lz4 legacy", "lz4", false, "lz4 -qcl $F > $OUT"),
    ("brotli", "brotli", false, "brotli -c $F > $OUT"),
    ("7z", "7zz", true, "7zz a -bso0 $OUT.7z $F && mv $OUT.7z $OUT"),
    ("7z lzma", "7zz", true, "7zz a -bso0 -m0=lzma -mhc=off $OUT.7z $F && mv $OUT.7z $OUT"),
    ("7z bzip2", "7zz", true, "7zz a -bso0 -m0=bzip2 $OUT.7z $F && mv $OUT.7z $OUT"),
    ("7z deflate", "7zz", true, "7zz a -bso0 -m0=deflate $OUT.7z $F && mv $OUT.7z $OUT"),
    (
        "7z bcj2",
        "7zz",
        true,
        "7zz a -bso0 -m0=bcj2 -m1=lzma -m2=lzma -m3=lzma -mb0:1 -mb0s1:2 -mb0s2:3 $OUT.7z $F && mv $OUT.7z $OUT",
    ),
    ("ar tool", "ar", true, "ar rc $OUT $F"),
    (
        "deb",
        "dpkg-deb",
        true,
        "mkdir -p d/DEBIAN; printf 'Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b.c>\\nDescription: d\\n' > d/DEBIAN/control; cp $F d; dpkg-deb -b d $OUT >/dev/null",
    ),
    ("cpio newc", "cpio", true, "echo $F | cpio -o --quiet -H newc > $OUT"),
    ("cpio odc", "cpio", true, "echo $F | cpio -o --quiet -H odc > $OUT"),
    ("cpio bin", "cpio", true, "echo $F | cpio -o --quiet -H bin > $OUT"),
    (
        "rpm",
        "rpmbuild",
        true,
        "printf 'Name: x\\nVersion: 1\\nRelease: 1\\nSummary: s\\nLicense: MIT\\nBuildArch: noarch\\n%%description\\nd\\n%%install\\ncp %s %%{buildroot}/%s\\n%%files\\n/%s\\n' $PWD/$F $F $F > x.spec; rpmbuild -bb --quiet --define \"_topdir $PWD/r\" --define '__os_install_post %{nil}' --dbpath $PWD/r/db x.spec >/dev/null 2>&1; cp r/RPMS/noarch/*.rpm $OUT",
    ),
    ("squashfs", "mksquashfs", true, "mksquashfs $F $OUT -quiet -no-progress >/dev/null"),
    ("squashfs xz", "mksquashfs", true, "mksquashfs $F $OUT -comp xz -quiet -no-progress >/dev/null"),
    ("squashfs zstd", "mksquashfs", true, "mksquashfs $F $OUT -comp zstd -no-fragments -quiet -no-progress >/dev/null"),
];

/// Whether a tool can be run.
pub fn has(tool: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
}

/// Runs a script in a folder of its own that holds the file.
pub fn run(script: &str, file: &str, content: &[u8]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(file), content).unwrap();
    run_in(folder.path(), script, file)
}

/// Runs a script in this folder and gives what it wrote to `$OUT`.
pub fn run_in(folder: &Path, script: &str, file: &str) -> Vec<u8> {
    let out = folder.join("made.archive");
    let mut command = Command::new("sh");
    command
        .args(["-ec", script])
        .current_dir(folder)
        .env("F", file)
        .env("OUT", &out)
        .env("SOURCE_DATE_EPOCH", "1700000000");
    let done = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{script}: {errors}");
    fs::read(out).unwrap_or_else(|error| panic!("{script}: {error} {errors}"))
}

fn by_hand() -> Vec<Format> {
    fn format(name: &str, has_names: bool, pack: fn(&str, &[u8]) -> Vec<u8>) -> Format {
        Format { name: name.to_owned(), pack: Box::new(pack), has_names }
    }
    vec![
        format("tar", true, |name, content| tar(&[(name, content)])),
        format("zip", true, |name, content| zip(&[(name, content, 8)])),
        format("zip stored", true, |name, content| zip(&[(name, content, 0)])),
        format("gzip", false, |_, content| gzip(content)),
        format("zstd", false, |_, content| {
            ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
        }),
        format("lz4", false, |_, content| {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }),
        format("ar", true, |name, content| ar(&[(name, content)])),
        format("cpio", true, |name, content| cpio(&[(name, content)])),
    ]
}

/// A deflate stream: raw, or with zlib's header.
pub fn deflate(content: &[u8], zlib: bool) -> Vec<u8> {
    let mut encoder = Deflate::new(9, zlib, 15);
    let mut out = vec![0; content.len() + content.len() / 100 + 64];
    encoder.compress(content, &mut out, DeflateFlush::Finish).unwrap();
    out.truncate(encoder.total_out() as usize);
    out
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(deflate(content, false));
    out.extend([0; 4]);
    out.extend((content.len() as u32).to_le_bytes());
    out
}

/// A zip of these files, each with its method.
pub fn zip(files: &[(&str, &[u8], u16)]) -> Vec<u8> {
    let pack = |content: &[u8], method| if method == 8 { deflate(content, false) } else { content.to_vec() };
    let packed: Vec<Packed> = files
        .iter()
        .map(|(name, content, method)| Packed {
            name,
            method: *method,
            size: content.len(),
            packed: pack(content, *method),
        })
        .collect();
    zip_of(&packed)
}
