//! Which environment a secret opens and which one a path belongs to, told by the words of names.

use super::Subject;

/// Where a secret is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// `prod`, `production`, `live`.
    Production,
    /// `staging`, `uat`, `preprod`.
    Staging,
    /// `dev`, `local`, `sandbox`.
    Development,
    /// `test`, `fixtures`, `examples`.
    Test,
    /// No word tells.
    Unknown,
}

impl Environment {
    /// Every one, in order.
    pub const ALL: [Environment; 5] = [
        Environment::Production,
        Environment::Staging,
        Environment::Development,
        Environment::Test,
        Environment::Unknown,
    ];

    /// The word of a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::Staging => "staging",
            Environment::Development => "development",
            Environment::Test => "test",
            Environment::Unknown => "unknown",
        }
    }
}

/// The environment of a secret: what its rule says (`stripe.live-secret-key`), else the name it was assigned to
/// (`PROD_DB_PASSWORD`), else its path.
pub fn of_secret(subject: &Subject, path: Option<&str>) -> Environment {
    let kind = subject.rule.split_once('.').map_or("", |(_, kind)| kind);
    // A provider may be called like a stage; its rules' own names tell.
    let found = of_words(kind).or_else(|| of_words(subject.key));
    found.unwrap_or_else(|| of_path(path))
}

/// The environment of a path: its last word that tells, so that a file name goes before its folders.
pub fn of_path(path: Option<&str>) -> Environment {
    path.and_then(of_words).unwrap_or(Environment::Unknown)
}

fn of_words(text: &str) -> Option<Environment> {
    let (mut found, mut word, mut last_lower) = (None, String::new(), false);
    for c in text.chars().chain([' ']) {
        let ends = !c.is_alphanumeric() || (c.is_uppercase() && last_lower);
        if ends {
            found = of_word(&word.to_lowercase()).or(found);
            word.clear();
        }
        if c.is_alphanumeric() {
            word.push(c);
        }
        last_lower = c.is_lowercase();
    }
    found
}

fn of_word(word: &str) -> Option<Environment> {
    Some(match word {
        "prod" | "production" | "prd" | "live" => Environment::Production,
        "staging" | "stage" | "stg" | "preprod" | "preproduction" | "uat" | "qa" => Environment::Staging,
        "dev" | "devel" | "develop" | "development" | "local" | "localhost" | "sandbox" | "debug" => {
            Environment::Development
        }
        "test" | "tests" | "testing" | "testdata" | "spec" | "specs" | "mock" | "mocks" | "fixture" | "fixtures"
        | "e2e" | "example" | "examples" | "sample" | "samples" | "demo" | "demos" => Environment::Test,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_environment_by_its_last_word() {
        let table = [
            ("config/production.yml", Environment::Production),
            (".env.prod", Environment::Production),
            ("deploy/prod/test/db.yml", Environment::Test),
            ("src/appDev/config.ts", Environment::Development),
            ("infra/staging/main.tf", Environment::Staging),
            ("src/product/live_chat.rs", Environment::Production),
            ("src/products/latest.rs", Environment::Unknown),
        ];
        for (path, expected) in table {
            assert_eq!(of_path(Some(path)), expected, "{path}");
        }
        assert_eq!(of_path(None), Environment::Unknown);
    }
}
