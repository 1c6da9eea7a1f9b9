//! What a path says about the values in its file. Paths lower or raise a score; they never skip a file.

use super::words::each_word;
use crate::evidence::Evidence;

/// What a path says: tests, examples, lock files, vendored or minified code lower; `.env`, `prod`, credential files raise.
pub fn path_evidence(path: &str) -> Vec<Evidence> {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit(['/', '!']).next().unwrap_or(&lower);
    let mut found: Vec<Evidence> = Vec::new();
    let mut add = |reason: &'static str, weight: f32| {
        if !found.iter().any(|known| known.reason == reason) {
            found.push(Evidence { reason, weight });
        }
    };
    each_word(path.as_bytes(), |word, _| {
        if let Some((reason, weight)) = of_word(word) {
            add(reason, weight);
        }
    });
    for (matches, reason, weight) in of_name(&lower, name) {
        if matches {
            add(reason, weight);
        }
    }
    found
}

fn of_word(word: &[u8]) -> Option<(&'static str, f32)> {
    Some(match word {
        b"test" | b"tests" | b"testing" | b"testdata" | b"spec" | b"specs" | b"mock" | b"mocks" | b"fixture"
        | b"fixtures" | b"unittest" | b"unittests" | b"cypress" => ("test-path", -1.0),
        b"example" | b"examples" | b"sample" | b"samples" | b"demo" | b"demos" | b"tutorial" | b"tutorials" => {
            ("example-path", -0.8)
        }
        b"doc" | b"docs" | b"documentation" | b"changelog" => ("documentation-path", -0.5),
        b"vendor" | b"vendored" | b"thirdparty" | b"bower" => ("vendored-path", -1.0),
        b"locale" | b"locales" | b"lang" | b"translations" | b"nls" | b"lproj" => ("translation-path", -2.0),
        b"prod" | b"production" | b"live" => ("production-path", 0.4),
        b"credential" | b"credentials" | b"secret" | b"secrets" => ("credentials-path", 0.4),
        _ => return None,
    })
}

fn of_name(path: &str, name: &str) -> [(bool, &'static str, f32); 9] {
    let ends = |endings: &[&str]| endings.iter().any(|end| name.ends_with(end));
    let environment = name == ".env" || name.starts_with(".env.") || ends(&[".env"]);
    let template = ends(&[".example", ".sample", ".template", ".dist", ".tmpl", ".tpl"]) || name.contains("example");
    [
        (environment && !template, "environment-file", 0.7),
        (template, "example-path", -0.8),
        (
            path.contains("node_modules/") || path.contains("site-packages/") || path.contains("third_party/"),
            "vendored-path",
            -1.0,
        ),
        (is_lock(name), "lock-file", -3.0),
        (ends(&[".min.js", ".min.css", ".map", ".bundle.js"]), "minified-file", -1.5),
        (ends(&[".po", ".pot", ".xlf", ".resx", ".strings", ".arb"]), "translation-path", -2.0),
        (is_translation(name), "translation-path", -2.0),
        (ends(&[".md", ".rst", ".adoc", ".html", ".ipynb"]), "documentation-path", -0.4),
        (ends(&[".svg", ".css", ".scss", ".less", ".ttf", ".woff"]), "style-or-image-file", -1.5),
    ]
}

/// `messages_de.properties`, `pt-BR.json`, `app.fr.yml`: a language before the extension of a file of texts.
fn is_translation(name: &str) -> bool {
    const LANGUAGES: &str = " ar bg bs ca cs cy da de el eo es et eu fa fi fil fr ga gl he hi hr hu hy id is it ja ka kk ko lt \
                             lv mk mn ms nb nl nn no pl pt ro ru sk sl sq sr sv ta th tr uk uz vi zh ";
    const TEXTS: [&str; 9] = ["properties", "json", "yml", "yaml", "php", "js", "ts", "xml", "ini"];
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let mut parts = stem.rsplit(['_', '-', '.']);
    let last = parts.next().unwrap_or_default();
    let known = |code: &str| code.len() >= 2 && code.len() <= 3 && LANGUAGES.contains(&format!(" {code} "));
    // `pt_BR`: the region follows the language.
    let region = last.len() == 2 && parts.next().is_some_and(known);
    TEXTS.contains(&extension) && (known(last) || region)
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock")
        || name.ends_with("-lock.json")
        || name.ends_with("-lock.yaml")
        || matches!(
            name,
            "go.sum" | "npm-shrinkwrap.json" | "packages.lock.json" | "module.bazel.lock" | "checksums.txt"
        )
}
