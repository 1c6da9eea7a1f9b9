//! A value that stands alone: which rule it answers to.

use super::text::TextScanner;
use crate::blob::Origin;
use crate::detect::Engine;
use crate::finding::Finding;
use crate::rule_set::RuleSet;
use std::sync::Arc;

/// The findings in a value that somebody says is a secret, the most confident first; the longest of equals.
pub fn identify(rules: &Arc<RuleSet>, value: &[u8]) -> Vec<Finding> {
    let engine = Engine::new(rules.clone());
    let mut scanner = TextScanner::new(&engine);
    scanner.scan(value, 0, &|| "a value".to_owned());
    scanner.findings.place(&|_| vec![Origin::Stdin]);
    let mut findings = std::mem::take(&mut scanner.findings).finish(rules);
    findings.retain(|finding| !finding.is_practice());
    findings.sort_by(|a, b| {
        let size = |finding: &Finding| finding.secret.expose().len();
        b.confidence.0.total_cmp(&a.confidence.0).then(size(b).cmp(&size(a)))
    });
    findings
}
