//! conda and its kin.
use crate::calls::Call;
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;
use crate::surroundings::Surroundings;
use crate::tools::requirement::read;

pub(super) fn check(call: &Call, surroundings: &Surroundings<'_>, found: &mut Findings) {
    if !matches!(call.program.as_str(), "conda" | "mamba" | "micromamba") {
        return;
    }
    let with_value =
        ["-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "-r", "--root-prefix"];
    let operands = call.operands(&with_value);
    let verbs: Vec<&str> = operands.iter().take(2).map(|operand| operand.text.as_str()).collect();
    let solves = matches!(
        verbs.as_slice(),
        ["install" | "create" | "update" | "upgrade", ..] | ["env", "create" | "update"]
    );
    if !solves || call.has(&["--offline", "--clone"]) {
        return;
    }
    // An explicit list names each file by its address.
    let is_explicit = |name: &str| {
        name.contains("conda-lock") || read(name, surroundings).is_some_and(|text| text.contains("@EXPLICIT"))
    };
    if call.value_of(&["--file", "-f"]).is_some_and(is_explicit) {
        return;
    }
    let verb = if verbs[0] == "env" { verbs.join(" ") } else { verbs[0].to_owned() };
    let message = format!("`{} {verb}` resolves against the current state of the channels", call.program);
    found.push(Finding::new(Rule::CondaNotPinned, call.span, message));
}
