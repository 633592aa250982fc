# What modules are written with. A module is merged where a flake's framework takes one.
lib:
let
  # A module's arguments, by the names that it asks for.
  call = f: known: more:
    let wanted = lib.functionArgs f;
    in if wanted == { } then f known else f (builtins.mapAttrs (name: _: known.${name} or more.${name}) wanted);
  type = kind: attributes: { _type = "option-type"; inherit kind; } // attributes;
  named = path: name: if path == "" then name else "${path}.${name}";
in
{
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOptionDefault = lib.mkOverride 1500;
  mkDefault = lib.mkOverride 1000;
  mkImageMediaOverride = lib.mkOverride 60;
  mkForce = lib.mkOverride 50;
  mkVMOverride = lib.mkOverride 10;
  mkOrder = priority: content: { _type = "order"; inherit priority content; };
  mkBefore = lib.mkOrder 500;
  mkAfter = lib.mkOrder 1500;
  mkAssert = condition: message: content: if condition then content else throw message;
  mkOption = option: option // { _type = "option"; };
  mkEnableOption = name: lib.mkOption { default = false; example = true; description = "Whether to enable ${name}."; };
  mkPackageOption = packages: name: options: lib.mkOption ({ default = lib.attrByPath (lib.toList (options.default or name)) null packages; } // removeAttrs options [ "default" ]);
  mkSinkUndeclaredOptions = _: { _type = "option"; };
  mkRenamedOptionModule = _: _: { };
  mkRemovedOptionModule = _: _: { };
  literalExpression = text: { _type = "literalExpression"; inherit text; };
  literalMD = text: { _type = "literalMD"; inherit text; };
  mdDoc = text: text;
  isType = type: x: (x._type or "") == type;
  setType = type: x: x // { _type = type; };
  isOption = lib.isType "option";

  # The values that a definition leaves, in order, with conditions decided and wrappers taken off.
  definitions = value:
    let type = if !(invar.isSymbol value) && builtins.isAttrs value then value._type or null else null;
    in
    if type == "if" then (if value.condition then lib.definitions value.content else [ ])
    else if type == "merge" then builtins.concatMap lib.definitions value.contents
    else if type == "override" || type == "order" then
      map (d: d // { priority = if type == "override" then value.priority else d.priority; }) (lib.definitions value.content)
    else [ { inherit value; priority = 100; } ];

  # One value from all definitions of an option: the strongest ones count; sets and lists are joined.
  mergeDefinitions = values:
    let
      all = builtins.concatMap lib.definitions values;
      strongest = builtins.foldl' (p: d: lib.min p d.priority) 9999 all;
      left = map (d: d.value) (builtins.filter (d: d.priority == strongest) all);
      first = builtins.head left;
      plain = x: !(invar.isSymbol x) && builtins.isAttrs x && !(lib.isDerivation x) && !(x ? _type) && !(x ? __functor);
    in
    if builtins.length left == 1 then (if plain first then lib.mergeSets [ first ] else first)
    else if builtins.all plain left then lib.mergeSets left
    else if builtins.all (x: !(invar.isSymbol x) && builtins.isList x) left then builtins.concatLists left
    else lib.last left;
  mergeSets = sets: lib.zipAttrsWith (_: lib.mergeDefinitions) (builtins.concatMap (set:
    map (d: d.value) (lib.definitions set)) sets);

  # Types of options, as far as they say where modules are inside of values.
  types = invar.open {
    name = "lib.types";
    attributes = {
      attrsOf = elem: type "attrsOf" { inherit elem; };
      lazyAttrsOf = elem: type "attrsOf" { inherit elem; };
      listOf = elem: type "listOf" { inherit elem; };
      nullOr = elem: type "nullOr" { inherit elem; };
      submodule = module: type "submodule" { modules = [ module ]; };
      submoduleWith = { modules, ... }: type "submodule" { inherit modules; };
      enum = _: type "enum" { };
      either = _: _: type "either" { };
      oneOf = _: type "either" { };
    };
    missing = name: invar.symbol "lib.types.${name}";
  };

  # A module and what it imports: a list of definitions and options. One that nobody knows has none.
  loadModules = known: more: module:
    if invar.isSymbol module then [ ]
    else if builtins.isPath module || builtins.isString module then lib.loadModules known more (import (
      if builtins.isPath module && lib.pathIsDirectory module then module + "/default.nix" else module))
    else if lib.isFunction module then lib.loadModules known more (call module known more)
    else if builtins.isList module then builtins.concatMap (lib.loadModules known more) module
    else if module ? outputs || (module._type or null) == "flake" then
      (if module ? flakeModules.default then lib.loadModules known more module.flakeModules.default
      else if module ? flakeModule then lib.loadModules known more module.flakeModule else [ ])
    else
      [ {
        options = module.options or { };
        definitions =
          if module ? config || module ? options
          then (module.config or { }) // lib.optionalAttrs (module ? _module) { inherit (module) _module; }
          else removeAttrs module [ "imports" "_file" "key" "_class" "disabledModules" ];
      } ]
      ++ builtins.concatMap (lib.loadModules known more) (module.imports or [ ]);
  callModule = call;

  # What options leave of definitions: their defaults, and values with modules inside evaluated.
  applyOptions = path: options: defined:
    defined // builtins.mapAttrs (name: option:
      if (option._type or null) == "option" then
        lib.optionValue (option.apply or (x: x)) (
          if defined ? ${name} then lib.refine (option.type or null) name defined.${name}
          else if option ? default then lib.refine (option.type or null) name option.default
          else invar.symbol (named path name))
      else if builtins.isAttrs option && !(invar.isSymbol option) && !(option ? _type)
      then lib.applyOptions (named path name) option (defined.${name} or { })
      else defined.${name} or (invar.symbol (named path name))) options;
  optionValue = apply: value: if invar.isSymbol value then value else apply value;
  refine = type: name: value:
    if invar.isSymbol type || invar.isSymbol value || type == null then value
    else if type.kind == "attrsOf" then builtins.mapAttrs (lib.refine type.elem) value
    else if type.kind == "listOf" then map (lib.refine type.elem name) value
    else if type.kind == "nullOr" then (if value == null then null else lib.refine type.elem name value)
    else if type.kind == "submodule" then (lib.evalModules { modules = type.modules ++ [ value ]; specialArgs = { inherit name; }; }).config
    else value;
  evalModules = { modules, specialArgs ? { }, ... }:
    let
      known = { inherit lib config; options = options; } // specialArgs;
      loaded = builtins.concatMap (lib.loadModules known (lib.mergeSets (map (m: m.definitions._module.args or { }) loaded))) modules;
      options = builtins.foldl' lib.recursiveUpdate { } (map (m: m.options) loaded);
      config = lib.applyOptions "config" options (lib.mergeSets (map (m: removeAttrs m.definitions [ "_module" ]) loaded));
    in { inherit config options; _type = "configuration"; };
}
