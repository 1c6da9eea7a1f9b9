//! The rules a scan runs with: the embedded pack, rules of the user's own, or both.

use crate::rule::check::{self, RuleError, RuleErrors};
use crate::rule::own::Allow;
use crate::rule::plan::{self, Plan};
use crate::rule::{Exchanges, Rule};
use crate::search::Searches;
use crate::vaulted::{self, Vaulted};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// Made by `build.rs` from `rules/`.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.pack"));
/// The same for what they ask of their providers: read when it is first needed.
static EXCHANGES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/exchanges.pack"));

/// Rules and the filter's plan for them; valid by construction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    plan: Plan,
    /// Exchanges of rules that are not embedded.
    #[serde(skip)]
    own_exchanges: BTreeMap<String, Exchanges>,
    /// What rules of the user's own search whole texts for, and what they allow.
    #[serde(skip)]
    searches: Option<Arc<Searches>>,
    /// Values that stand in a vault.
    #[serde(skip)]
    vaulted: Option<Arc<Vaulted>>,
}

impl RuleSet {
    /// The rules that come with the program.
    pub fn embedded() -> Arc<RuleSet> {
        static SET: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
            let set = postcard::from_bytes(EMBEDDED);
            Arc::new(set.expect("the pack was written by this version's build script"))
        });
        SET.clone()
    }

    /// The embedded rules, those in `files` (files or folders of `.toml`), less those named in `disabled`.
    pub fn load(files: &[PathBuf], disabled: &[String]) -> Result<Arc<RuleSet>, RuleErrors> {
        RuleSet::load_with(&[], files, disabled)
    }

    /// As `load`, with rule files in memory, each with its name, before those on disk.
    pub fn load_with(
        texts: &[(String, String)],
        files: &[PathBuf],
        disabled: &[String],
    ) -> Result<Arc<RuleSet>, RuleErrors> {
        let embedded = RuleSet::embedded();
        if texts.is_empty() && files.is_empty() && disabled.is_empty() {
            return Ok(embedded);
        }
        let mut texts = texts.to_vec();
        for file in files {
            texts.extend(read(file).map_err(|error| RuleErrors(vec![error]))?);
        }
        let mut rules: Vec<Rule> = embedded.rules.iter().map(|rule| (**rule).clone()).collect();
        let (mut exchanges, mut allow) = (BTreeMap::new(), Vec::new());
        for (name, text) in &texts {
            let checked = check::check_whole_file(name, text)?;
            allow.extend(checked.allow);
            for checked in checked.rules {
                exchanges.insert(checked.rule.id.clone(), checked.exchanges);
                rules.push(checked.rule);
            }
        }
        let unknown = disabled.iter().find(|id| !rules.iter().any(|rule| rule.id == **id));
        if let Some(id) = unknown {
            return Err(RuleErrors(vec![whole("settings", format!("cannot disable `{id}`: there is no such rule"))]));
        }
        rules.retain(|rule| !disabled.contains(&rule.id));
        let mut set = RuleSet::assemble(rules, &allow).map_err(|message| RuleErrors(vec![whole("rules", message)]))?;
        set.own_exchanges = exchanges;
        Ok(Arc::new(set))
    }

    /// A set of exactly these rules.
    pub fn from_rules(rules: Vec<Rule>) -> Result<Arc<RuleSet>, String> {
        RuleSet::assemble(rules, &[]).map(Arc::new)
    }

    fn assemble(rules: Vec<Rule>, allow: &[Allow]) -> Result<RuleSet, String> {
        if rules.is_empty() {
            return Err("no rule is left to scan with".into());
        }
        check::check_set(&rules)?;
        let plan = plan::make(&rules, 16);
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        let searches = Searches::new(&rules, allow)?.map(Arc::new);
        Ok(RuleSet { rules, plan, own_exchanges: BTreeMap::new(), searches, vaulted: None })
    }

    /// These rules, and the values of a vault: those that no rule finds are found by a rule of their own, the last one.
    pub fn with_vaulted(&self, values: Arc<Vaulted>) -> Arc<RuleSet> {
        let mut set = self.clone();
        set.rules.retain(|rule| rule.id != vaulted::RULE);
        set.rules.push(Arc::new(vaulted::rule()));
        set.vaulted = Some(values);
        Arc::new(set)
    }

    /// Values that stand in a vault, and the rule that finds those that no other one finds.
    pub fn vaulted(&self) -> Option<(&Arc<Vaulted>, u16)> {
        let rule = u16::try_from(self.rules.len().checked_sub(1)?).ok()?;
        self.vaulted.as_ref().map(|values| (values, rule))
    }

    /// All rules, in a fixed order.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// What a rule can ask of its provider; `None` when it can ask nothing.
    pub fn exchanges(&self, rule: &str) -> Option<&Exchanges> {
        static EMBEDDED: LazyLock<BTreeMap<String, Exchanges>> = LazyLock::new(|| {
            postcard::from_bytes(EXCHANGES).expect("the pack was written by this version's build script")
        });
        let found = self.own_exchanges.get(rule).or_else(|| EMBEDDED.get(rule));
        found.filter(|exchanges| !exchanges.is_empty())
    }

    /// Ids of the rules that do not come with the program.
    pub fn own(&self) -> impl Iterator<Item = &str> {
        self.own_exchanges.keys().map(String::as_str)
    }

    /// What is searched for in whole texts, and what is allowed; `None` without rules of the user's own that do either.
    pub fn searches(&self) -> Option<&Arc<Searches>> {
        self.searches.as_ref()
    }

    /// What the filter looks for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

fn whole(file: &str, message: String) -> RuleError {
    RuleError { file: file.into(), line: 1, message }
}

/// The rule files at `path` with their names: itself, or every `.toml` in the folder, sorted.
pub fn read(path: &Path) -> Result<Vec<(String, String)>, RuleError> {
    let cannot = |path: &Path, error| whole(&path.display().to_string(), format!("cannot read the file: {error}"));
    let mut files = vec![path.to_path_buf()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| cannot(path, error))?;
        files = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
    }
    let text = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).map_err(|error| cannot(&file, error))?;
        Ok((file.display().to_string(), text))
    };
    files.into_iter().map(text).collect()
}
