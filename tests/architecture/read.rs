//! Reads a source file far enough to know which modules it declares and which paths it names.
//!
//! Comments and strings are left out; `use` trees are taken apart; `super` and `self` are resolved
//! against the module that the text stands in, so that `super::super::gate` is seen for what it is.

/// What a source file says.
pub struct Source {
    /// `mod name;`, without those that have their text in place.
    pub modules: Vec<Module>,
    /// Paths that begin with `crate`, resolved, or with a name from outside.
    pub named: Vec<Named>,
}

/// A module whose text is in a file of its own.
pub struct Module {
    pub name: String,
    /// The modules with text in place that it stands in.
    pub inside: Vec<String>,
    /// Where `#[path]` says it is.
    pub path: Option<String>,
}

/// A path that is named somewhere.
pub struct Named {
    pub path: Vec<String>,
    /// From 1 on.
    pub line: usize,
    /// In a module `tests`, or one whose name ends so.
    pub in_tests: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Then,
    Text(String),
    Mark(char),
}

struct Reader<'a> {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// The module of the file.
    module: &'a [String],
    /// Modules with text in place that are open: name, and the depth of braces at which they end.
    open: Vec<(String, usize)>,
    depth: usize,
    source: Source,
}

impl Source {
    /// Reads the text of a module, whose place in the crate is given without `crate`.
    pub fn read(text: &str, module: &[String]) -> Self {
        let source = Self { modules: Vec::new(), named: Vec::new() };
        let mut reader = Reader { tokens: tokens(text), at: 0, module, open: Vec::new(), depth: 0, source };
        reader.file();
        reader.source
    }
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(_, token)| token)
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.peek(ahead) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead) == Some(&Token::Mark(mark))
    }

    fn follows(&self, mark: char) -> bool {
        self.at.checked_sub(1).is_some_and(|before| self.tokens[before].1 == Token::Mark(mark))
    }

    fn file(&mut self) {
        let mut path = None;
        while let Some(token) = self.peek(0).cloned() {
            match token {
                Token::Word(word) if word == "mod" && self.word(1).is_some() => self.module_here(path.take()),
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    self.tree(&[], true);
                }
                Token::Word(word) if word == "extern" && self.word(1) == Some("crate") => {
                    self.at += 2;
                    self.tree(&[], true);
                }
                // pub(crate), pub(super), pub(in path): says who may see it, uses nothing
                Token::Word(word) if word == "pub" && self.mark(1, '(') => {
                    while self.peek(0).is_some() && !self.mark(0, ')') {
                        self.at += 1;
                    }
                }
                // an attribute of its own; `path = …` within another one is that one's affair
                Token::Word(word) if word == "path" && self.mark(1, '=') && self.follows('[') => {
                    if let Some(Token::Text(text)) = self.peek(2) {
                        path = Some(text.clone());
                    }
                    self.at += 1;
                }
                Token::Word(_) => self.tree(&[], false),
                // ::name
                Token::Then if self.word(1).is_some() => {
                    self.at += 1;
                    self.tree(&[], false);
                }
                Token::Mark(mark) => {
                    self.at += 1;
                    match mark {
                        '{' => self.depth += 1,
                        '}' => {
                            self.depth = self.depth.saturating_sub(1);
                            if self.open.last().is_some_and(|(_, depth)| *depth == self.depth) {
                                self.open.pop();
                            }
                        }
                        ';' => path = None,
                        _ => {}
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// At `mod`.
    fn module_here(&mut self, path: Option<String>) {
        let name = self.word(1).unwrap_or_default().to_owned();
        if self.mark(2, '{') {
            self.open.push((name, self.depth));
            self.at += 2;
        } else {
            let inside = self.open.iter().map(|(name, _)| name.clone()).collect();
            self.source.modules.push(Module { name, inside, path });
            self.at += 3;
        }
    }

    /// A path, or in a `use` a tree of them, after the segments in `before`. Ends behind it.
    fn tree(&mut self, before: &[String], is_use: bool) {
        let mut path = before.to_vec();
        let mut line = self.tokens.get(self.at).map_or(0, |(line, _)| *line);
        if self.peek(0) == Some(&Token::Then) {
            self.at += 1;
        }
        loop {
            match self.peek(0).cloned() {
                Some(Token::Word(word)) => {
                    line = self.tokens[self.at].0;
                    path.push(word);
                    self.at += 1;
                }
                Some(Token::Mark('*')) if is_use => {
                    self.at += 1;
                    break;
                }
                Some(Token::Mark('{')) if is_use => {
                    self.at += 1;
                    while self.peek(0).is_some() && !self.mark(0, '}') {
                        let began = self.at;
                        self.tree(&path, true);
                        // the comma; or what is no `use` at all, which must not hold us up
                        if self.mark(0, ',') || self.at == began {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                // `path::<T>`: what is between the brackets is read next
                _ => break,
            }
            if self.peek(0) != Some(&Token::Then) {
                break;
            }
            self.at += 1;
        }
        if is_use && self.word(0) == Some("as") {
            self.at += 2;
        }
        // A single word outside of `use` is a name like any other.
        if is_use || path.len() > 1 || path == ["crate"] {
            let in_tests = self.here().any(|module| module.ends_with("tests"));
            let path = self.resolve(path);
            self.source.named.push(Named { path, line, in_tests });
        }
    }

    /// The module that the text here belongs to, outermost first.
    fn here(&self) -> impl Iterator<Item = &String> {
        self.module.iter().chain(self.open.iter().map(|(name, _)| name))
    }

    /// Makes `self::`, `super::` and `crate::` one thing; other beginnings stay as they are.
    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let mut from: Vec<String> = self.here().cloned().collect();
        let mut rest = path.as_slice();
        let mut relative = false;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "super" => _ = from.pop(),
                "crate" => from.clear(),
                _ => break,
            }
            (rest, relative) = (more, true);
        }
        if !relative {
            return path;
        }
        ["crate".to_owned()].into_iter().chain(from).chain(rest.iter().cloned()).collect()
    }
}

/// The tokens of a text with their lines.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let (start, begins) = (i, line);
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            '"' => {
                i = end_of_text(&chars, i);
                let inner = &chars[start + 1..i.saturating_sub(1).clamp(start + 1, chars.len())];
                tokens.push((begins, Token::Text(inner.iter().collect())));
            }
            // a character, or else a lifetime
            '\'' => {
                if at(i + 1) == '\\' {
                    i += 3;
                    while i < chars.len() && at(i) != '\'' {
                        i += 1;
                    }
                    i += 1;
                } else if at(i + 2) == '\'' {
                    i += 3;
                } else {
                    i += 2;
                    while is_word(at(i)) {
                        i += 1;
                    }
                }
            }
            c if c.is_ascii_digit() => {
                while is_word(at(i)) {
                    i += 1;
                }
            }
            c if is_word(c) => {
                while is_word(at(i)) {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                let hashes = (i..).take_while(|i| at(*i) == '#').count();
                match word.as_str() {
                    "r" | "br" | "cr" if at(i + hashes) == '"' => i = end_of_raw(&chars, i + hashes, hashes),
                    "b" | "c" if at(i) == '"' => i = end_of_text(&chars, i),
                    "b" if at(i) == '\'' => {}
                    // r#type
                    "r" if hashes == 1 && is_word(at(i + 1)) => i += 1,
                    _ => tokens.push((begins, Token::Word(word))),
                }
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                tokens.push((begins, Token::Then));
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    tokens.push((begins, Token::Mark(c)));
                }
            }
        }
        i = i.min(chars.len());
        line += chars[start..i].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Behind the closing quote of the text that opens at `i`.
fn end_of_text(chars: &[char], mut i: usize) -> usize {
    i += 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Behind a raw text whose opening quote is at `i` and which ends with so many hashes.
fn end_of_raw(chars: &[char], mut i: usize, hashes: usize) -> usize {
    i += 1;
    while i < chars.len() {
        if chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').take(hashes).count() == hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    i
}
