# Functions, numbers, booleans and fixed points.
lib: {
  id = x: x;
  const = x: _: x;
  pipe = value: functions: builtins.foldl' (x: f: f x) value functions;
  flip = f: a: b: f b a;
  concat = a: b: a ++ b;
  or = a: b: a || b;
  and = a: b: a && b;
  xor = a: b: (!a) != (!b);
  bitAnd = builtins.bitAnd;
  bitOr = builtins.bitOr;
  bitXor = builtins.bitXor;
  bitNot = n: -1 - n;
  boolToString = b: if b then "true" else "false";
  boolToYesNo = b: if b then "yes" else "no";
  mergeAttrs = a: b: a // b;
  mapNullable = f: x: if x == null then null else f x;
  defaultTo = default: x: if x == null then default else x;
  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = n: divisor: n - divisor * (n / divisor);
  compare = a: b: if a < b then -1 else if a > b then 1 else 0;
  splitByAndCompare = matches: inside: outside: a: b:
    if matches a then (if matches b then inside a b else -1)
    else if matches b then 1 else outside a b;
  importJSON = path: builtins.fromJSON (builtins.readFile path);
  importTOML = path: builtins.fromTOML (builtins.readFile path);

  # Warnings are for people at a terminal: what they are about is what counts.
  warn = _message: x: x;
  warnIf = _condition: _message: x: x;
  warnIfNot = _condition: _message: x: x;
  info = _message: x: x;
  showWarnings = _warnings: x: x;
  throwIf = condition: message: if condition then throw message else x: x;
  throwIfNot = condition: message: if condition then x: x else throw message;
  throwUnless = condition: message: if condition then x: x else throw message;
  assertMsg = condition: message: condition || throw message;
  assertOneOf = name: value: allowed:
    lib.assertMsg (builtins.elem value allowed)
      "${name} must be one of ${builtins.toJSON allowed}, but is ${builtins.toJSON value}";
  checkListOfEnum = message: valid: given:
    let other = builtins.filter (x: !builtins.elem x valid) given;
    in if other == [ ] then x: x else throw "${message}: ${builtins.toJSON other}";
  trace = _message: x: x;
  traceIf = _condition: _message: x: x;
  traceVal = x: x;
  traceValFn = _f: x: x;
  traceSeq = _shown: x: x;
  traceValSeq = x: x;

  functionArgs = f:
    if invar.isSymbol f then { }
    else if f ? __functor then f.__functionArgs or (lib.functionArgs (f.__functor f))
    else builtins.functionArgs f;
  # Of what is not known, only that which surely can be called is a function.
  isFunction = f:
    if invar.isSymbol f then builtins.intersectAttrs { __functor = null; } f != { }
    else builtins.isFunction f || (f ? __functor && lib.isFunction (f.__functor f));
  toFunction = f: if lib.isFunction f then f else _: f;
  setFunctionArgs = f: arguments: { __functor = _: f; __functionArgs = arguments; };
  mirrorFunctionArgs = f: g: lib.setFunctionArgs g (lib.functionArgs f);
  toHexString = n:
    let digits = lib.stringToCharacters "0123456789ABCDEF";
    in lib.concatMapStrings (builtins.elemAt digits) (lib.toBaseDigits 16 n);
  toBaseDigits = base: n:
    let digits = m: if m < base then [ m ] else digits (m / base) ++ [ (lib.mod m base) ];
    in digits n;
  fromHexString = text:
    let
      digits = lib.stringToCharacters "0123456789abcdef";
      value = c: lib.lists.findFirstIndex (d: d == c) (throw "not a hexadecimal digit: ${c}") digits;
    in builtins.foldl' (n: c: n * 16 + value c) 0 (lib.stringToCharacters (lib.toLower (lib.removePrefix "0x" text)));
  inPureEvalMode = true;
  inNixShell = false;
  oldestSupportedRelease = 2511;
  isInOldestRelease = release: release <= 2511;
  revisionWithDefault = default: default;

  fix = f: let x = f x; in x;
  fix' = f: let x = f x // { __unfix__ = f; }; in x;
  converge = f: x: let next = f x; in if next == x then x else lib.converge f next;
  # What an extension that is not known adds is kept beside what others add.
  layer = previous: added:
    let
      known = lib.settled added;
      unread = (previous.invarUnread or [ ]) ++ (known.invarUnread or [ ]);
    in previous // known // (if unread == [ ] then { } else { invarUnread = unread; });
  # A set of what is known of a value, with the value itself if that is not all.
  settled = x: if invar.isSymbol x then invar.known x // { invarUnread = [ x ]; } else x;
  extends = overlay: f: final: let previous = lib.settled (f final); in lib.layer previous (overlay final previous);
  composeExtensions = f: g: final: previous:
    let first = f final previous;
    in lib.layer (lib.layer { } first) (g final (lib.layer previous first));
  composeManyExtensions = extensions: final: previous:
    let
      step = state: extension:
        let added = extension final state.seen;
        in { seen = lib.layer state.seen added; all = lib.layer state.all added; };
    in (builtins.foldl' step { seen = previous; all = { }; } extensions).all;
  makeExtensible = lib.makeExtensibleWithCustomName "extend";
  makeExtensibleWithCustomName = name: f:
    lib.fix (self: f self // {
      ${name} = overlay: lib.makeExtensibleWithCustomName name (lib.extends overlay f);
    });
  toExtension = f:
    if lib.isFunction f
    then final: previous:
      let first = f previous; in if lib.isFunction first then f final previous else first
    else _: _: f;
  makeOverridable = f: arguments:
    let
      result = f arguments;
      changed = new: arguments // (if lib.isFunction new then new arguments else new);
    in
    if invar.isSymbol result then result
    else if builtins.isAttrs result then result // { override = new: lib.makeOverridable f (changed new); }
    else if lib.isFunction result then lib.setFunctionArgs result (lib.functionArgs result) // {
      override = new: lib.makeOverridable f (changed new);
    }
    else result;
  overrideDerivation = package: f: package.overrideAttrs f;
  callPackageWith = available: f: arguments:
    let
      function = if lib.isFunction f then f else import f;
      wanted = lib.functionArgs function;
      # An argument with a default is given only what is known by name.
      known = builtins.filter (name: arguments ? ${name} == false && (!wanted.${name} || lib.knows available name))
        (builtins.attrNames wanted);
      given = builtins.listToAttrs (map (name: { inherit name; value = available.${name}; }) known);
    in lib.makeOverridable function (given // arguments);
  callPackagesWith = lib.callPackageWith;
  makeScope = newScope: f:
    let
      self = f self // {
        newScope = scope: newScope (self // scope);
        callPackage = self.newScope { };
        overrideScope = overlay: lib.makeScope newScope (lib.extends overlay f);
        overrideScope' = self.overrideScope;
        packages = f;
      };
    in self;
  recurseIntoAttrs = attributes: attributes // { recurseForDerivations = true; };
  dontRecurseIntoAttrs = attributes: attributes // { recurseForDerivations = false; };
  hydraJob = package: package;
  extendDerivation = _condition: passthru: package: package // passthru;
  lazyDerivation = { derivation, ... }: derivation;
  addContextFrom = source: target: builtins.substring 0 0 source + target;
}
