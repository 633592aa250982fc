# Strings.
lib:
let
  inherit (builtins) stringLength substring concatStringsSep replaceStrings;
  lowers = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  uppers = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  blank = "[ \t\n\r]*";
in
{
  stringToCharacters = text: builtins.genList (i: substring i 1 text) (stringLength text);
  stringAsChars = f: text: concatStringsSep "" (map f (lib.stringToCharacters text));
  replaceString = from: to: replaceStrings [ from ] [ to ];
  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStringsSep "" (map f list);
  concatImapStrings = f: list: concatStringsSep "" (lib.imap1 f list);
  concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
  concatImapStringsSep = separator: f: list: concatStringsSep separator (lib.imap1 f list);
  concatMapAttrsStringSep = separator: f: attributes:
    concatStringsSep separator (lib.mapAttrsToList f attributes);
  concatLines = lib.concatMapStrings (line: line + "\n");
  intersperse = separator: list:
    if list == [ ] then [ ]
    else [ (builtins.head list) ] ++ builtins.concatMap (x: [ separator x ]) (builtins.tail list);
  join = concatStringsSep;
  replicateString = n: text: concatStringsSep "" (lib.replicate n text);
  strings_replicate = lib.replicateString;
  optionalString = condition: text: if condition then text else "";
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix = suffix: text:
    let n = stringLength text; m = stringLength suffix;
    in n >= m && substring (n - m) m text == suffix;
  hasInfix = infix: text: builtins.length (lib.splitString infix text) > 1;
  removePrefix = prefix: text:
    if lib.hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
  removeSuffix = suffix: text:
    if lib.hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  splitString = separator: text:
    builtins.filter builtins.isString (builtins.split (lib.escapeRegex (toString separator)) (toString text));
  splitStringBy = keep: matches: text: lib.splitString keep text;
  trim = lib.trimWith { start = true; end = true; };
  trimWith = { start ? false, end ? false }: text:
    let
      before = builtins.match "${blank}(.*)" text;
      left = if start then builtins.head before else text;
      after = builtins.match "(.*[^ \t\n\r])${blank}" left;
    in if end then (if after == null then "" else builtins.head after) else left;
  escape = characters: replaceStrings characters (map (c: "\\${c}") characters);
  escapeC = characters: replaceStrings characters (map (c: "\\x${c}") characters);
  escapeRegex = lib.escape (lib.stringToCharacters "\\[{()^$?*+|.");
  escapeShellArg = argument:
    let text = toString argument;
    in if builtins.match "[[:alnum:],._+:@%/-]+" text != null then text
    else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
  escapeNixString = text: lib.escape [ "$" ] (builtins.toJSON text);
  escapeNixIdentifier = text:
    if builtins.match "[a-zA-Z_][a-zA-Z0-9_'-]*" text != null then text else lib.escapeNixString text;
  escapeXML = replaceStrings [ "\"" "'" "<" ">" "&" ] [ "&quot;" "&apos;" "&lt;" "&gt;" "&amp;" ];
  isValidPosixName = name: builtins.match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;
  toShellVar = name: value:
    if builtins.isAttrs value && !(value ? outPath) then
      "declare -A ${name}=(${concatStringsSep " " (lib.mapAttrsToList (key: v: "[${lib.escapeShellArg key}]=${lib.escapeShellArg v}") value)})"
    else if builtins.isList value then "declare -a ${name}=(${lib.escapeShellArgs value})"
    else "${name}=${lib.escapeShellArg value}";
  toShellVars = variables: concatStringsSep "\n" (lib.mapAttrsToList lib.toShellVar variables);
  toLower = replaceStrings uppers lowers;
  toUpper = replaceStrings lowers uppers;
  toSentenceCase = text: lib.toUpper (substring 0 1 text) + substring 1 (-1) text;
  toCamelCase = text:
    let words = builtins.filter (w: builtins.isString w && w != "") (builtins.split "[ _-]+" text);
    in concatStringsSep "" (lib.imap0 (i: w: if i == 0 then w else lib.toSentenceCase w) words);
  addContextFrom = source: target: substring 0 0 source + target;
  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !(lib.versionOlder a b);
  getName = x:
    if !(invar.isSymbol x) && builtins.isString x then (builtins.parseDrvName x).name
    else x.pname or (builtins.parseDrvName x.name).name;
  getVersion = x:
    if !(invar.isSymbol x) && builtins.isString x then (builtins.parseDrvName x).version
    else x.version or (builtins.parseDrvName x.name).version;
  nameFromURL = url: separator: builtins.head (lib.splitString separator (lib.last (lib.splitString "/" url)));
  fixedWidthString = width: filler: text:
    let missing = width - stringLength text;
    in if missing <= 0 then text else lib.replicateString missing filler + text;
  fixedWidthNumber = width: n: lib.fixedWidthString width "0" (toString n);
  floatToString = toString;
  isConvertibleWithToString = x:
    builtins.isString x || builtins.isInt x || builtins.isFloat x || builtins.isBool x || x == null
    || builtins.isPath x || (builtins.isList x && builtins.all lib.isConvertibleWithToString x)
    || (builtins.isAttrs x && (x ? outPath || x ? __toString));
  isStringLike = x: builtins.isString x || builtins.isPath x || (builtins.isAttrs x && (x ? outPath || x ? __toString));
  isStorePath = x: lib.isStringLike x && lib.hasPrefix "/nix/store/" (toString x);
  isCoercibleToString = lib.isConvertibleWithToString;
  toInt = text:
    let number = builtins.match "[ \t]*(-?)0*([0-9]+)[ \t]*" (toString text);
    in if number == null then throw "\"${toString text}\" is not an integer"
    else builtins.fromJSON (concatStringsSep "" number);
  toIntBase10 = lib.toInt;
  readPathsFromFile = root: file:
    map (line: root + "/${line}") (builtins.filter (line: line != "" && !(lib.hasPrefix "#" line)) (lib.splitString "\n" (builtins.readFile file)));
  fileContents = file: lib.removeSuffix "\n" (builtins.readFile file);
  sanitizeDerivationName = text:
    let
      clean = concatStringsSep "" (map (part: if builtins.isString part then part else "-")
        (builtins.split "[^[:alnum:]+._?=-]+" (builtins.unsafeDiscardStringContext (toString text))));
      plain = builtins.match "\\.*(.*)" clean;
    in if builtins.head plain == "" then "unknown" else builtins.head plain;
  levenshteinAtMost = _n: a: b: a == b;
  normalizePath = text: lib.removeSuffix "/" (concatStringsSep "/" (builtins.filter (part: builtins.isString part) (builtins.split "/+" text)));
  charToInt = c: lib.findFirstIndex (d: d == c) (throw "charToInt") lib.asciiCharacters;
  asciiCharacters = lib.stringToCharacters " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
  stringLength = builtins.stringLength;

  # Search paths: texts that name what a package has in a folder.
  makeSearchPath = folder: packages:
    concatStringsSep ":" (map (package: "${package}/${folder}") (builtins.filter (package: package != null) packages));
  makeSearchPathOutput = output: folder: packages: lib.makeSearchPath folder (map (lib.getOutput output) packages);
  makeLibraryPath = lib.makeSearchPathOutput "lib" "lib";
  makeIncludePath = lib.makeSearchPathOutput "dev" "include";
  makeBinPath = lib.makeSearchPathOutput "bin" "bin";
  makePerlPath = lib.makeSearchPathOutput "lib" "lib/perl5/site_perl";
  enableFeature = flag: feature: if flag then "--enable-${feature}" else "--disable-${feature}";
  enableFeatureAs = flag: feature: value: if flag then "--enable-${feature}=${value}" else "--disable-${feature}";
  withFeature = flag: feature: if flag then "--with-${feature}" else "--without-${feature}";
  withFeatureAs = flag: feature: value: if flag then "--with-${feature}=${value}" else "--without-${feature}";
  cmakeOptionType = type: name: value: "-D${name}:${type}=${value}";
  cmakeBool = name: value: "-D${name}:BOOL=${if value then "TRUE" else "FALSE"}";
  cmakeFeature = name: value: "-D${name}:STRING=${value}";
  mesonOption = name: value: "-D${name}=${value}";
  mesonBool = name: value: "-D${name}=${lib.boolToString value}";
  mesonEnable = name: value: "-D${name}=${if value then "enabled" else "disabled"}";
}
