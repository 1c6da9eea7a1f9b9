//! Rules as people write them in TOML; nothing here is checked yet.

use super::exchange::written::StepWritten;
use super::own::Required;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// One file: a provider and its rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleFile {
    /// The service whose secrets these are; a file of allowlists alone needs none.
    pub provider: Option<ProviderWritten>,
    /// Its kinds of secret, most severe first.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleWritten>,
    /// What is no leak, for all rules of a scan; not in the embedded pack.
    #[serde(default)]
    pub allow: Vec<Spanned<AllowWritten>>,
}

/// The service a secret opens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProviderWritten {
    /// Kebab-case, the first half of every rule's id.
    pub id: String,
    /// Its name as it writes it.
    pub name: String,
    /// Pages that document the formats.
    #[serde(default)]
    pub references: Vec<String>,
    /// Hosts that exchanges may talk to.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where `{endpoint}` stands unless settings say otherwise.
    #[serde(default)]
    pub endpoints: Vec<String>,
}

/// One kind of secret; `rules/README.md` explains each field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleWritten {
    pub id: Spanned<String>,
    pub name: String,
    pub severity: Severity,
    pub pattern: Option<Spanned<String>>,
    pub shape: Option<Shape>,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub connect: Connect,
    pub within: Option<u16>,
    #[serde(default)]
    pub left: Edge,
    #[serde(default)]
    pub right: Edge,
    pub confidence: Option<f32>,
    #[serde(default = "yes")]
    pub random: bool,
    #[serde(default)]
    pub guessable: bool,
    pub checksum: Option<Checksum>,
    #[serde(default)]
    pub parts: Vec<Part>,
    #[serde(default)]
    pub over: Vec<String>,
    #[serde(default)]
    pub part_only: bool,
    #[serde(default)]
    pub min_digits: u16,
    #[serde(default)]
    pub min_upper: u16,
    #[serde(default)]
    pub min_lower: u16,
    #[serde(default)]
    pub references: Vec<String>,
    pub help: Option<String>,
    #[serde(default)]
    pub examples: Examples,
    // For rules of one's own: see `own`.
    pub search: Option<Spanned<String>>,
    /// Where in a pipeline the pattern counts: see `practice`.
    pub practice: Option<Practice>,
    pub secret_group: Option<u16>,
    pub entropy: Option<f32>,
    pub path: Option<Spanned<String>>,
    #[serde(default)]
    pub required: Vec<Required>,
    #[serde(default)]
    pub allow: Vec<Spanned<AllowWritten>>,
    #[serde(default)]
    pub verify: Vec<StepWritten>,
    #[serde(default)]
    pub revoke: Vec<StepWritten>,
    #[serde(default)]
    pub rotate: Vec<StepWritten>,
}

impl RuleWritten {
    /// Whether it searches whole texts (`own`) instead of verifying what the filter found.
    pub fn is_search(&self) -> bool {
        self.search.is_some() || self.path.is_some()
    }

    /// Whether it says something of a pattern's surroundings.
    pub fn has_bounds(&self) -> bool {
        self.within.is_some()
            || self.connect != Connect::default()
            || self.left != Edge::default()
            || self.right != Edge::default()
            || self.checksum.is_some()
            || !self.parts.is_empty()
            || [self.min_digits, self.min_upper, self.min_lower] != [0; 3]
    }

    /// Whether it has fields that only a search knows.
    pub fn has_search_fields(&self) -> bool {
        self.secret_group.is_some() || self.entropy.is_some() || !self.required.is_empty() || !self.allow.is_empty()
    }
}

fn yes() -> bool {
    true
}

/// What is no leak; every list may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AllowWritten {
    pub reason: String,
    pub when: When,
    pub rules: Vec<String>,
    pub commits: Vec<String>,
    pub paths: Vec<String>,
    pub values: Vec<String>,
    pub matches: Vec<String>,
    pub lines: Vec<String>,
    pub stopwords: Vec<String>,
}

/// How the conditions of an `[[allow]]` hang together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Every kind that is given must hold.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// How bad a leak would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Little to gain: a public or rate-limited key.
    Low,
    /// Some data or cost.
    Medium,
    /// Private data or real cost.
    High,
    /// Control of an account, code or infrastructure.
    Critical,
}

impl Severity {
    /// The word used in rules, flags and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// A form that is read by a parser of ours instead of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Any value assigned to, keyed by or passed as something whose name holds a keyword.
    Assignment,
}

/// How a keyed rule's value hangs together with its keyword.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// The keyword is part of the name the value is assigned to.
    #[default]
    Assigned,
    /// The value follows nearby.
    Near,
}

/// Where in a pipeline or image build a risky practice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Practice {
    /// In a command that a step runs.
    Command,
    /// In a command whose first word the match begins with and whose output goes to the log.
    Output,
    /// In any value of a pipeline.
    Pipeline,
    /// In what is passed to the build of an image.
    BuildArgument,
    /// In the name of a variable that an `ENV` or `ARG` of a Dockerfile sets.
    Instruction,
    /// In the paths of an artifact that is uploaded.
    Upload,
    /// In what a job with secrets checks out for people without rights.
    UntrustedCheckout,
    /// In a command that Groovy puts together, as the name of a credential.
    Interpolation,
}

/// Whether a match must end where its alphabet ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The neighbouring byte must lie outside the token.
    #[default]
    Boundary,
    /// Anything may stand beside it.
    None,
}

/// A value that belongs with another one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Part {
    /// The other value's rule.
    pub rule: String,
    /// How far apart the two may stand, in bytes.
    pub within: u32,
}

/// A check that the value carries in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Checksum {
    /// The last six characters are base62 of CRC-32 over the random part (GitHub, npm).
    GithubCrc32,
    /// Three base64url parts, the first two of them JSON objects.
    Jwt,
    /// The length of the payload and CRC-32 of all before it, both in base36 (GitLab's routable tokens).
    GitlabCrc32,
    /// The last eight characters are CRC-32 of all before them in hex, lowest byte first (Grafana's service accounts).
    GrafanaCrc32,
    /// PEM around a DER sequence of the right length, or around an OpenSSH key; structure only, so that a wrong one says
    /// less than a wrong checksum.
    Pem,
}

/// Templates of text that must and must not be found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Examples {
    #[serde(rename = "match")]
    pub matching: Vec<String>,
    pub no_match: Vec<String>,
}
