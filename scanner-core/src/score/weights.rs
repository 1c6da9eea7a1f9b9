//! What each feature adds to the log-odds.

use super::features::{COUNT, Feature, Feature::*};

/// For values on a name that sounds like a credential: set by hand, where the training starts from and leans to.
pub const START: [f32; COUNT] = table(&[
    (Bias, -2.0),
    (Random, 3.2),
    (Bits, 0.7),
    (WordBits, -0.6),
    (WordExcess, -0.4),
    (Changes, 0.2),
    (ChangeLack, -0.4),
    (DistinctLack, -0.5),
    (StepExcess, -0.5),
    (Run, -0.6),
    (Digits, -0.8),
    (Lower, -1.5),
    (Upper, -1.5),
    (Letters, -0.8),
    (NonAscii, -2.0),
    (Base64Text, -0.3),
    (Under8, -0.5),
    (Longer, -0.8),
    (Placeholder, -2.0),
    (Credential, -1.8),
    (SameAsName, -1.2),
    (FormUuid, -0.8),
    (FormVersion, -5.0),
    (FormPath, -3.5),
    (FormUrl, -4.0),
    (FormEmail, -4.0),
    (FormDotted, -4.0),
    (FormJoined, -3.0),
    (FormCamel, -2.0),
    (FormSentence, -4.5),
    (FormColor, -3.0),
    (FormDigest, -6.0),
    (FormPublicKey, -4.0),
    (FormRegex, -4.0),
    (FormFormat, -3.0),
    (FormMasked, -5.0),
    (FormMarkup, -4.0),
    (FormMime, -4.0),
    (FormResource, -4.0),
    (NameOther, -1.5),
    (NameAccess, -0.3),
    (NameKey, -0.5),
    (NameToken, 0.2),
    (NameNamedKey, 0.8),
    (NameSecret, 0.6),
    (NamePassword, 1.0),
    (NameAbout, -2.5),
    (NameTurned, -2.0),
    (NamePretend, -0.8),
    (NameDigest, -1.5),
    (NamePublic, -4.0),
    (NameTransient, -3.5),
    (Literal, 0.3),
    (Argument, -0.6),
    (Comparison, -0.4),
    (Query, 0.2),
    (Header, 0.5),
    (Sql, 0.3),
    (Prose, -0.6),
    (Block, -0.2),
    (PasswordMixed, 1.5),
    (PasswordSymbols, 1.6),
    (PasswordWord, -1.5),
    (PasswordLetters, 1.0),
    (Comment, -0.3),
    (LineDigest, -1.0),
    (LineShowing, -0.8),
    (LineTesting, -0.5),
    (Dense, -0.8),
]);

/// For values of a known form, added to the rule's prior: only what speaks against a random value counts.
pub static KNOWN: [f32; COUNT] = table(&[
    (WordExcess, -0.8),
    (ChangeLack, -0.5),
    (DistinctLack, -0.9),
    (StepExcess, -1.0),
    (Run, -1.0),
    (Placeholder, -4.5),
    (FormMasked, -5.0),
    (LineShowing, -0.4),
    (LineDigest, -0.2),
]);

/// For values whose form is only that of a random value, found beside their service's name: the form proves little, so the
/// value's randomness and its surroundings count both ways.
pub static KEYED: [f32; COUNT] = table(&[
    (Random, 0.8),
    (WordExcess, -0.8),
    (ChangeLack, -0.5),
    (DistinctLack, -0.9),
    (StepExcess, -1.0),
    (Run, -1.0),
    (Placeholder, -4.0),
    (Credential, -1.0),
    (FormUuid, 0.5),
    (FormCamel, -2.0),
    (FormJoined, -2.5),
    (FormDotted, -2.5),
    (FormPath, -2.5),
    (FormVersion, -3.0),
    (FormMasked, -5.0),
    (FormDigest, -3.0),
    (NameAbout, -0.8),
    (NamePublic, -1.5),
    (NameDigest, -1.5),
    (Comparison, -0.3),
    (LineShowing, -0.5),
    (LineDigest, -1.0),
]);

/// For values of a known form that a person may choose (passwords, URLs): only placeholders speak against them.
pub static CHOSEN: [f32; COUNT] = table(&[
    (Reference, -6.0),
    (Run, -0.8),
    (Placeholder, -4.0),
    (Credential, -2.8),
    (FormMasked, -5.0),
    (FormFormat, -3.0),
    (LineShowing, -1.0),
]);

/// For matches of rules of the user's own.
pub static OWN: [f32; COUNT] = table(&[(Placeholder, -4.5), (FormMasked, -5.0), (FormFormat, -4.5)]);

/// A checksum that holds, and one that does not.
pub const CHECKSUM: [f32; 2] = [4.0, -7.0];

/// A structure that holds, and one that does not: keys are cut, escaped and pasted in many ways.
pub const STRUCTURE: [f32; 2] = [1.5, -2.0];

pub const fn table(entries: &[(Feature, f32)]) -> [f32; COUNT] {
    let mut table = [0.0; COUNT];
    let mut index = 0;
    while index < entries.len() {
        table[entries[index].0 as usize] = entries[index].1;
        index += 1;
    }
    table
}
