//! Reads patterns in RE2 syntax, as Go and its scanners write them: `\d \s \w \b` are ASCII, `.` is a character.
//!
//! The same text can mean something else to our own parser (`\<`, `[a&&b]`, `{,5}`, `\Q…\E`), so that each pattern is
//! spelled out anew, sign by sign. Groups lose their names; nobody asks for them.

use regex_syntax::hir::Hir;

/// Reads a pattern; errors say what in it cannot be used.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    let spelled = spell_out(pattern)?;
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).nest_limit(128).build();
    parser.parse(&spelled).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    })
}

/// How many groups a pattern has.
pub fn groups(hir: &Hir) -> usize {
    hir.properties().explicit_captures_len()
}

/// The pattern in the syntax of our own parser.
pub fn spell_out(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { signs: pattern.chars().collect(), at: 0, out: String::new() };
    while let Some(sign) = reader.next() {
        reader.outside(sign)?;
    }
    Ok(reader.out)
}

const DIGIT: &str = "0-9";
/// Without the vertical tab, which RE2 does not count.
const SPACE: &str = r"\t\n\x0C\r\x20";
const WORD: &str = "0-9A-Za-z_";
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

struct Reader {
    signs: Vec<char>,
    at: usize,
    out: String,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let sign = self.peek(0)?;
        self.at += 1;
        Some(sign)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.signs.get(self.at + ahead).copied()
    }

    /// Passes over `text` when it stands here.
    fn skip(&mut self, text: &str) -> bool {
        let stands = text.chars().enumerate().all(|(i, sign)| self.peek(i) == Some(sign));
        self.at += if stands { text.chars().count() } else { 0 };
        stands
    }

    fn until(&mut self, end: char) -> Option<String> {
        let len = self.signs[self.at..].iter().position(|sign| *sign == end)?;
        let text = self.signs[self.at..self.at + len].iter().collect();
        self.at += len + 1;
        Some(text)
    }

    fn outside(&mut self, sign: char) -> Result<(), String> {
        match sign {
            '\\' => return self.escape(),
            '[' => return self.class(),
            '(' if self.skip("?") => return self.group(),
            '{' if self.repetition() => {}
            '{' | '}' | ']' => literal(sign, &mut self.out),
            _ => self.out.push(sign),
        }
        Ok(())
    }

    /// Takes digits, and a comma with or without digits, and `}`: otherwise the brace stands for itself.
    fn repetition(&mut self) -> bool {
        let Some(len) = self.signs[self.at..].iter().position(|sign| *sign == '}') else { return false };
        let inside: String = self.signs[self.at..self.at + len].iter().collect();
        let (low, high) = inside.split_once(',').unwrap_or((&inside, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_repetition = !low.is_empty() && is_number(low) && is_number(high);
        if is_repetition {
            self.out.push_str(&format!("{{{inside}}}"));
            self.at += len + 1;
        }
        is_repetition
    }

    /// After `(?`: a name is dropped, flags are kept.
    fn group(&mut self) -> Result<(), String> {
        for look in ["=", "!", "<=", "<!", ">"] {
            if self.skip(look) {
                return Err(format!("`(?{look}` looks around; no RE2 pattern can"));
            }
        }
        if self.skip("P=") {
            return Err("`(?P=` refers back to a group; no RE2 pattern can".into());
        }
        if self.skip("P<") || self.skip("<") {
            self.until('>').ok_or("the name of a group does not end")?;
            self.out.push('(');
            return Ok(());
        }
        self.out.push_str("(?");
        while let Some(sign) = self.next() {
            match sign {
                'i' | 'm' | 's' | 'U' | '-' => self.out.push(sign),
                ':' | ')' => {
                    self.out.push(sign);
                    return Ok(());
                }
                _ => return Err(format!("`{sign}` is no flag of a group")),
            }
        }
        Err("a group does not end".into())
    }

    fn escape(&mut self) -> Result<(), String> {
        let sign = self.next().ok_or("the pattern ends in a backslash")?;
        match sign {
            'A' | 'z' => self.out.extend(['\\', sign]),
            'b' | 'B' => self.out.push_str(&format!(r"(?-u:\{sign})")),
            'Q' => self.quoted(),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.out.push_str(&perl(sign)),
            'p' | 'P' => return self.property(sign),
            _ => {
                let meant = self.escaped(sign)?;
                literal(meant, &mut self.out);
            }
        }
        Ok(())
    }

    fn quoted(&mut self) {
        while !self.skip(r"\E") {
            let Some(sign) = self.next() else { return };
            literal(sign, &mut self.out);
        }
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn property(&mut self, sign: char) -> Result<(), String> {
        let name = match self.next() {
            Some('{') => self.until('}').ok_or("the name of a class does not end")?,
            Some(letter) => letter.to_string(),
            None => return Err("the pattern ends in a class".into()),
        };
        let (is_turned, name) = name.strip_prefix('^').map_or((false, name.as_str()), |name| (true, name));
        let is_negated = (sign == 'P') != is_turned;
        self.out.push_str(&format!(r"\{}{{{name}}}", if is_negated { 'P' } else { 'p' }));
        Ok(())
    }

    /// The character that a backslash and `sign` stand for.
    fn escaped(&mut self, sign: char) -> Result<char, String> {
        let next_is_octal = matches!(self.peek(0), Some('0'..='7'));
        match sign {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => self.hex(),
            '1'..='7' if !next_is_octal => Err(format!(r"`\{sign}` refers back to a group; no RE2 pattern can")),
            '0'..='7' => {
                let mut code = sign as u32 - '0' as u32;
                for _ in 0..2 {
                    let Some(digit) = self.peek(0).and_then(|sign| sign.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(code).ok_or_else(|| "no character has this number".into())
            }
            _ if sign.is_ascii() && !sign.is_ascii_alphanumeric() => Ok(sign),
            _ => Err(format!(r"`\{sign}` has no meaning in RE2")),
        }
    }

    fn hex(&mut self) -> Result<char, String> {
        let digits = match self.skip("{") {
            true => self.until('}').unwrap_or_default(),
            false => {
                let digits = self.signs[self.at..].iter().take(2).collect();
                self.at = (self.at + 2).min(self.signs.len());
                digits
            }
        };
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| !digits.starts_with('+'));
        code.and_then(char::from_u32).ok_or_else(|| format!(r"`\x{digits}` is no character"))
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let sign = self.next().ok_or("a class `[…` does not end")?;
            match sign {
                ']' if !is_first => break,
                '[' if self.peek(0) == Some(':') => self.posix()?,
                '\\' if matches!(self.peek(0), Some('p' | 'P')) => {
                    let sign = self.next().unwrap_or_default();
                    self.property(sign)?;
                }
                '\\' if matches!(self.peek(0), Some('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                    let sign = self.next().unwrap_or_default();
                    self.out.push_str(&perl(sign));
                }
                _ => self.range(sign)?,
            }
            is_first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]`, or a bracket that stands for itself.
    fn posix(&mut self) -> Result<(), String> {
        let rest: String = self.signs[self.at + 1..].iter().collect();
        let Some(name) = rest.split_once(":]").map(|(name, _)| name) else {
            return self.range('[');
        };
        if !POSIX.contains(&name.trim_start_matches('^')) {
            return Err(format!("`[:{name}:]` is no class"));
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.at += name.chars().count() + 3;
        Ok(())
    }

    fn range(&mut self, sign: char) -> Result<(), String> {
        let low = self.member(sign)?;
        literal(low, &mut self.out);
        if self.peek(0) != Some('-') || matches!(self.peek(1), None | Some(']')) {
            return Ok(());
        }
        self.at += 1;
        let sign = self.next().unwrap_or_default();
        let high = self.member(sign)?;
        if high < low {
            return Err(format!("the range `{low}-{high}` runs backwards"));
        }
        self.out.push('-');
        literal(high, &mut self.out);
        Ok(())
    }

    fn member(&mut self, sign: char) -> Result<char, String> {
        match sign {
            '\\' => {
                let sign = self.next().ok_or("the pattern ends in a backslash")?;
                self.escaped(sign)
            }
            _ => Ok(sign),
        }
    }
}

/// A class of Perl's, good inside brackets and outside.
fn perl(sign: char) -> String {
    let members = match sign.to_ascii_lowercase() {
        'd' => DIGIT,
        's' => SPACE,
        _ => WORD,
    };
    format!("[{}{members}]", if sign.is_ascii_uppercase() { "^" } else { "" })
}

/// A character that stands for itself.
fn literal(sign: char, out: &mut String) {
    match sign.is_ascii_alphanumeric() || !sign.is_ascii() {
        true => out.push(sign),
        false => out.push_str(&format!(r"\x{:02X}", sign as u32)),
    }
}

#[cfg(test)]
mod tests {
    use super::spell_out;

    #[test]
    fn what_two_syntaxes_read_differently_is_spelled_out() {
        let table = [
            (r"\d\w\S", r"[0-9][0-9A-Za-z_][^\t\n\x0C\r\x20]"),
            (r"\bx\B", r"(?-u:\b)x(?-u:\B)"),
            (r"\<a\>", r"\x3Ca\x3E"),
            (r"[a&&b~~c[e]", r"[a\x26\x26b\x7E\x7Ec\x5Be]"),
            (r"[!--x]", r"[\x21-\x2Dx]"),
            (r"a{,5}{x}{2}{3,}{4,5}", r"a\x7B,5\x7D\x7Bx\x7D{2}{3,}{4,5}"),
            (r"\Qa.b\E.", r"a\x2Eb."),
            (r"\Qa.b", r"a\x2Eb"),
            (r"(?P<name>x)(?<y>z)(?:w)(?i)v(?i-s:u)", r"(x)(z)(?:w)(?i)v(?i-s:u)"),
            (r"\x41\x{1F600}\101\0", "A\u{1F600}A\\x00"),
            (r"[]a][^]b]", r"[\x5Da][^\x5Db]"),
            (r"[\w.-]", r"[[0-9A-Za-z_]\x2E\x2D]"),
            (r"[[:alpha:][:^digit:]]", r"[[:alpha:][:^digit:]]"),
            (r"[[:a]", r"[\x5B\x3Aa]"),
            (r"\pL\p{^Greek}\PN[\p{Lu}]", r"\p{L}\P{Greek}\P{N}[\p{Lu}]"),
            (r"a]}", r"a\x5D\x7D"),
        ];
        for (pattern, expected) in table {
            assert_eq!(spell_out(pattern).as_deref(), Ok(expected), "{pattern}");
        }
    }

    #[test]
    fn what_no_re2_pattern_may_hold_is_an_error() {
        let patterns = [
            r"a(?=b)",
            r"(?<!a)b",
            r"(a)\1",
            r"\y",
            r"[b-a]",
            r"[a",
            r"\",
            r"(?x)a",
            r"(?P=a)",
            r"[[:nope:]]",
            r"\xZZ",
            r"[\b]",
        ];
        for pattern in patterns {
            assert!(spell_out(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn every_spelling_is_read() {
        for pattern in
            [r"(?i)[\w.-]{0,5}\bk(?:[\s'`=]|$)", r"\p{Greek}+\pL", r"(?s).*?\z", r"[^\x00-\x7F]", r"(?i)\W[\D]"]
        {
            super::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        }
    }
}
