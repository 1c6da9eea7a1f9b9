//! GitLab's pipelines: everything is in predefined variables.

use super::{Base, Commits, Event, EventError, Point, Scope, id, missing, others};
use crate::blob::ObjectId;

/// Reads what started the pipeline; `variable` gives the value of a variable.
pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Event, EventError> {
    let reader = Reader { variable };
    let name = reader.text("CI_PIPELINE_SOURCE").ok_or_else(|| missing("pipeline", "CI_PIPELINE_SOURCE"))?;
    Ok(Event { scope: reader.scope(&name)?, name })
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn scope(&self, name: &str) -> Result<Scope, EventError> {
        // A child pipeline of a merge request's has its variables.
        if self.text("CI_MERGE_REQUEST_DIFF_BASE_SHA").is_some() {
            return self.merge_request(name);
        }
        match name {
            "external_pull_request_event" => self.pull_request(name),
            "push" => self.push(name),
            "merge_request_event" => Err(missing(name, "CI_MERGE_REQUEST_DIFF_BASE_SHA")),
            _ => Ok(Scope::Everything(format!("`{name}` brings no commits of its own"))),
        }
    }

    fn merge_request(&self, name: &str) -> Result<Scope, EventError> {
        // In a pipeline for the merged result CI_COMMIT_SHA is a merge that the forge made.
        let of_source = self.id(name, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")?;
        let number = self.text("CI_MERGE_REQUEST_IID");
        let reference = number.map(|number| format!("refs/merge-requests/{number}/head"));
        let head = self.head(name, of_source, reference.into_iter().collect())?;
        let base = self.id(name, "CI_MERGE_REQUEST_DIFF_BASE_SHA")?;
        let base = base.ok_or_else(|| missing(name, "CI_MERGE_REQUEST_DIFF_BASE_SHA"))?;
        let of_base = self.text("CI_MERGE_REQUEST_TARGET_BRANCH_NAME").map(|name| format!("refs/heads/{name}"));
        let merge = self.id(name, "CI_COMMIT_SHA")?;
        between(Point { id: base, references: of_base.into_iter().collect() }, head, merge)
    }

    fn pull_request(&self, name: &str) -> Result<Scope, EventError> {
        let head = self.id(name, "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA")?;
        let base = self.id(name, "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA")?;
        let base = base.ok_or_else(|| missing(name, "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA"))?;
        let reference = |variable| self.text(variable).map(|name| format!("refs/heads/{name}")).into_iter().collect();
        let head = self.head(name, head, reference("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"))?;
        let references = reference("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME");
        between(Point { id: base, references }, head, None)
    }

    fn push(&self, name: &str) -> Result<Scope, EventError> {
        let tag = self.text("CI_COMMIT_TAG").map(|tag| format!("refs/tags/{tag}"));
        let branch = self.text("CI_COMMIT_BRANCH").or(self.text("CI_COMMIT_REF_NAME")).unwrap_or_default();
        let is_tag = tag.is_some();
        let reference = tag.unwrap_or_else(|| format!("refs/heads/{branch}"));
        let changed = if is_tag { reference.as_str() } else { &branch };
        let branches = others([self.text("CI_DEFAULT_BRANCH").as_deref(), None], changed);
        let head = self.head(name, None, vec![reference.clone()])?;
        let before = self.id(name, "CI_COMMIT_BEFORE_SHA")?.filter(|_| !is_tag);
        match before {
            Some(before) if before == head.id => {
                Ok(Scope::Nothing("the push changed nothing: before and after are the same commit".to_owned()))
            }
            // Whether the push was forced is not told: where it was, what the default branch has may count as new.
            Some(id) => {
                let base = Base::Before { id, is_forced: false, branches };
                Ok(Scope::Commits(Commits { head, base, merge: None }))
            }
            None => Ok(Scope::Commits(Commits { head, base: Base::Branches(branches), merge: None })),
        }
    }

    fn head(&self, event: &str, named: Option<ObjectId>, references: Vec<String>) -> Result<Point, EventError> {
        let of_run = self.id(event, "CI_COMMIT_SHA")?;
        let id = named.or(of_run).ok_or_else(|| missing(event, "CI_COMMIT_SHA"))?;
        Ok(Point { id, references })
    }

    fn text(&self, variable: &str) -> Option<String> {
        (self.variable)(variable).filter(|value| !value.is_empty())
    }

    fn id(&self, event: &str, variable: &str) -> Result<Option<ObjectId>, EventError> {
        id(event, variable, &self.text(variable).unwrap_or_default())
    }
}

fn between(base: Point, head: Point, merge: Option<ObjectId>) -> Result<Scope, EventError> {
    if base.id == head.id {
        return Ok(Scope::Nothing("base and head are the same commit".to_owned()));
    }
    let merge = merge.filter(|merge| *merge != head.id);
    Ok(Scope::Commits(Commits { head, base: Base::Commit(base), merge }))
}
