//! What an expression of a program comes to, as far as the project's own files say it: ports and addresses.
use crate::project::code::Code;
use crate::project::python_file::{Call, PythonFile, parts, quoted};

/// How often a name may stand for another one.
const DEEPEST: usize = 6;

/// The value of an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// What it is, unless something else is asked for when the program starts.
    pub text: Option<String>,
    /// The environment variable that changes it.
    pub variable: Option<String>,
    /// The option of the command line that changes it.
    pub option: Option<String>,
}

impl Value {
    /// The number of a port.
    pub fn port(&self) -> Option<i64> {
        let text = self.text.as_deref()?.replace('_', "");
        text.parse().ok().filter(|port| (1..=65535).contains(port))
    }

    /// Whether it is an address that other machines cannot reach.
    pub fn is_local(&self) -> bool {
        self.text.as_deref().is_some_and(|text| ["127.0.0.1", "localhost", "::1"].contains(&text))
    }

    fn of(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }
}

/// The value of `expression` in `file`.
pub(super) fn value(code: &Code<'_>, file: &PythonFile<'_>, expression: &str) -> Value {
    evaluate(code, file, expression, 0)
}

fn evaluate(code: &Code<'_>, file: &PythonFile<'_>, expression: &str, depth: usize) -> Value {
    let expression = expression.trim();
    if depth > DEEPEST || expression.is_empty() || expression == "None" {
        return Value::default();
    }
    if let Some(text) = quoted(expression).filter(|text| !text.contains(['{', '$'])) {
        return Value::of(text);
    }
    if expression.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return Value::of(expression);
    }
    let inner = |inner: &str| evaluate(code, file, inner, depth + 1);
    // Without the variable or the option, the last of these is what is there.
    if let Some((first, last)) = split_at(expression, " or ") {
        let first = inner(first);
        return Value { text: inner(last).text, ..first };
    }
    if let Some((then, rest)) = split_at(expression, " if ")
        && let Some((condition, otherwise)) = split_at(rest, " else ")
    {
        let (then, otherwise, condition) = (inner(then), inner(otherwise), inner(condition));
        return Value {
            text: otherwise.text.or(then.text),
            variable: then.variable.or(condition.variable),
            option: then.option,
        };
    }
    if let Some(inside) = called(expression) {
        let (name, arguments) = inside;
        return call(code, file, name, &arguments, depth);
    }
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if !is_name(expression) {
        // `os.environ["PORT"]`
        let name = expression.strip_suffix(']').and_then(|rest| rest.split_once("environ["));
        let variable = name.and_then(|(_, name)| quoted(name)).map(str::to_owned);
        return Value { variable, ..Value::default() };
    }
    match expression.rsplit_once('.') {
        Some((owner, attribute)) => attributed(code, file, owner, attribute, depth),
        None => named(code, file, expression, depth),
    }
}

/// What is before and after `word`, which is in no bracket.
fn split_at<'e>(expression: &'e str, word: &str) -> Option<(&'e str, &'e str)> {
    let is_outside =
        |text: &str| text.matches(['(', '[', '{']).count() == text.matches([')', ']', '}']).count();
    let (at, _) = expression.match_indices(word).find(|(at, _)| is_outside(&expression[..*at]))?;
    Some((&expression[..at], &expression[at + word.len()..]))
}

/// The name and the arguments of an expression that is one call.
fn called(expression: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = expression.split_once('(')?;
    let inside = rest.strip_suffix(')')?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let arguments = parts(inside).into_iter().map(|part| inside[part].trim()).collect();
    is_name.then_some((name, arguments))
}

fn call(code: &Code<'_>, file: &PythonFile<'_>, name: &str, arguments: &[&str], depth: usize) -> Value {
    let named = |wanted: &[&str]| {
        arguments.iter().find_map(|argument| {
            let (name, value) = argument.split_once('=').filter(|(_, value)| !value.starts_with('='))?;
            wanted.contains(&name.trim()).then(|| value.trim())
        })
    };
    let at = |at: usize| {
        arguments.get(at).copied().filter(|argument| !argument.contains('=') || quoted(argument).is_some())
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let default = named(&["default"]);
    if ["int", "str", "abs"].contains(&name) {
        return at(0).map(|inner| evaluate(code, file, inner, depth + 1)).unwrap_or_default();
    }
    let reads =
        ["getenv", "get", "config", "env", "int", "get_env", "getenv_int", "env_int", "str", "environ"];
    if reads.contains(&last)
        && let Some(variable) = at(0).and_then(quoted)
    {
        let found = default.or(at(1)).map(|value| evaluate(code, file, value, depth + 1)).unwrap_or_default();
        let is_variable = variable.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        return Value { variable: is_variable.then(|| variable.to_owned()), ..found };
    }
    // `Field(8000, ...)`, `typer.Option(8000, "--port")`
    if ["Field", "Option", "Argument"].contains(&last) {
        let option =
            arguments.iter().filter_map(|argument| quoted(argument)).find(|text| text.starts_with("--"));
        let found = default.or(at(0)).map(|value| evaluate(code, file, value, depth + 1)).unwrap_or_default();
        return Value { option: option.map(str::to_owned).or(found.option.clone()), ..found };
    }
    Value::default()
}

/// The value of a name: of the file's own, of a parameter with a default, or of one that is imported.
fn named(code: &Code<'_>, file: &PythonFile<'_>, name: &str, depth: usize) -> Value {
    if let Some(value) = assigned(file, name, |_| true) {
        return evaluate(code, file, &value, depth + 1);
    }
    // Options of click have a parameter of the same name.
    if let Some(found) = option(code, file, name, depth) {
        return found;
    }
    for line in &file.lines {
        let Some((_, parameters)) = line.function() else { continue };
        for part in parts(parameters) {
            let parameter = &parameters[part];
            let Some((left, right)) = parameter.split_once('=') else { continue };
            if left.split(':').next().map(str::trim) == Some(name) {
                return evaluate(code, file, right, depth + 1);
            }
        }
    }
    let imported = file.imports().find(|import| import.names.iter().any(|found| found == name));
    let Some(import) = imported else { return Value::default() };
    let stem = import.module.rsplit('.').next().unwrap_or_default().to_owned();
    let from = code.files.iter().filter(|file| file.stem() == stem || file.directory().ends_with(&stem));
    let found = from.into_iter().find_map(|file| Some((file, assigned(file, name, |indent| indent == 0)?)));
    found.map(|(file, value)| evaluate(code, file, &value, depth + 1)).unwrap_or_default()
}

/// The value of `owner.attribute`: of an option, or of a class of settings.
fn attributed(code: &Code<'_>, file: &PythonFile<'_>, owner: &str, attribute: &str, depth: usize) -> Value {
    let parsed = ["args", "arguments", "cli_args", "namespace", "ns", "options", "opts", "parsed"];
    let is_parsed = parsed.contains(&owner.rsplit('.').next().unwrap_or(owner));
    if let Some(found) =
        option(code, file, attribute, depth).filter(|found| is_parsed || found.text.is_some())
    {
        return found;
    }
    // A module of constants, or a class whose object has another name.
    let in_classes = |file: &PythonFile<'_>| assigned(file, attribute, |indent| indent > 0);
    let in_modules = |file: &PythonFile<'_>| {
        (file.stem() == owner).then(|| assigned(file, attribute, |indent| indent == 0)).flatten()
    };
    let mut files: Vec<&PythonFile<'_>> = vec![file];
    files.extend(code.deployed());
    let found = files.iter().find_map(|file| Some((*file, in_modules(file)?)));
    let found = found.or_else(|| files.iter().find_map(|file| Some((*file, in_classes(file)?))));
    let Some((file, value)) = found else { return Value::default() };
    let mut found = evaluate(code, file, &value, depth + 1);
    // Settings of pydantic are read from variables of their names.
    if found.variable.is_none() && file.uses("pydantic_settings") {
        let prefix = file
            .calls(&["SettingsConfigDict"])
            .find_map(|call| Some(quoted(call.named("env_prefix")?)?.to_owned()));
        found.variable = Some(format!("{}{}", prefix.unwrap_or_default(), attribute).to_uppercase());
    }
    found
}

/// What is assigned to `name` in `file`, on a line whose indent is one that counts.
fn assigned(file: &PythonFile<'_>, name: &str, counts: impl Fn(usize) -> bool) -> Option<String> {
    let lines = file.lines.iter().filter(|line| counts(line.indent));
    let mut values = lines.filter_map(|line| line.assigned()).filter(|(found, _)| *found == name);
    values.next().map(|(_, value)| value.to_owned())
}

/// The default of the option of the command line that is called `name`, of argparse or click.
fn option(code: &Code<'_>, file: &PythonFile<'_>, name: &str, depth: usize) -> Option<Value> {
    let flag = format!("--{}", name.replace('_', "-"));
    let is_it = |call: &Call<'_>| {
        let texts =
            call.arguments.iter().filter(|(name, _)| name.is_none()).filter_map(|(_, value)| quoted(value));
        texts.into_iter().any(|text| text == flag || text.replace('_', "-") == flag)
            || call.named("dest").and_then(quoted) == Some(name)
    };
    let files = std::iter::once(file).chain(code.deployed().filter(|other| other.path != file.path));
    for file in files {
        let Some(call) = file.calls(&["add_argument", "click.option", "option"]).find(is_it) else {
            continue;
        };
        let default = call.named("default").map(|value| evaluate(code, file, value, depth + 1));
        let texts =
            call.arguments.iter().filter_map(|(name, value)| quoted(value).filter(|_| name.is_none()));
        let flag = texts.into_iter().find(|text| text.starts_with("--"))?.to_owned();
        return Some(Value { option: Some(flag), ..default.unwrap_or_default() });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_project_says() {
        let check = |text: &str, expression: &str, expected: &str| {
            let other = "import pydantic_settings\nLIMIT = 7\nclass Settings(BaseSettings):\n    port: int = 8123\n    host: str = Field('h', x=1)\n    \
                model_config = SettingsConfigDict(env_prefix='my_')\n";
            let files = [("main.py", text), ("core/config.py", other)];
            let files =
                files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
            let none = Default::default();
            let code = Code::of(&files, &none);
            let Value { text, variable, option } =
                value(&code, code.file("main.py").expect("it is there"), expression);
            let shown = [text, variable, option].map(|text| text.unwrap_or_default());
            assert_eq!(shown.join("|").trim_end_matches('|'), expected, "{expression}");
        };
        check("", "8001", "8001");
        check("", "'0.0.0.0'", "0.0.0.0");
        check("PORT = 80\n", "PORT", "80");
        check("", "int(os.getenv(\"PORT\", \"8002\"))", "8002|PORT");
        check("", "int(os.environ.get('PORT', 8003))", "8003|PORT");
        check("", "int(os.environ.get('PORT') or 8004)", "8004|PORT");
        check("", "int(os.environ['PORT'])", "|PORT");
        check("", "int(os.environ['PORT']) if 'PORT' in os.environ else 8005", "8005|PORT");
        check("", "env.int('PORT', default=8006)", "8006|PORT");
        check("p.add_argument('-p', '--port', type=int, default=8007)\n", "args.port", "8007||--port");
        check("@click.option('--port', default=8008)\ndef f(port): pass\n", "port", "8008||--port");
        check("def f(port: int = 8009): pass\n", "port", "8009");
        check("def f(port: int = typer.Option(8010, '--port', '-p')): pass\n", "port", "8010||--port");
        check("from core.config import settings\n", "settings.port", "8123|MY_PORT");
        check("", "settings.host", "h|MY_HOST");
        check("from core.config import LIMIT\n", "LIMIT", "7");
        check("A = B\nB = A\n", "A", "");
        check("", "f(x)[1]", "");
    }
}
