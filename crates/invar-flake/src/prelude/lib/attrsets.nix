# Attribute sets.
lib:
let
  inherit (builtins) attrNames mapAttrs listToAttrs head tail;
  # What is not known is not looked into, even if some of its attributes are known.
  isAttrs = x: !(invar.isSymbol x) && builtins.isAttrs x;
in
{
  attrByPath = path: default: set:
    if path == [ ] then set
    else if invar.isSymbol set then lib.attrByPath (tail path) default set.${head path}
    else if isAttrs set && set ? ${head path} then lib.attrByPath (tail path) default set.${head path}
    else default;
  hasAttrByPath = path: set:
    path == [ ] || (isAttrs set && set ? ${head path} && lib.hasAttrByPath (tail path) set.${head path});
  longestValidPathPrefix = path: set:
    if path != [ ] && isAttrs set && set ? ${head path}
    then [ (head path) ] ++ lib.longestValidPathPrefix (tail path) set.${head path} else [ ];
  setAttrByPath = path: value: if path == [ ] then value else { ${head path} = lib.setAttrByPath (tail path) value; };
  getAttrFromPath = path: set: builtins.foldl' (found: name: found.${name}) set path;
  concatMapAttrs = f: set: lib.mergeAttrsList (lib.mapAttrsToList f set);
  mergeAttrsList = builtins.foldl' (a: b: a // b) { };
  attrVals = names: set: map (name: set.${name}) names;
  getAttrs = names: set: listToAttrs (map (name: { inherit name; value = set.${name}; }) names);
  filterAttrs = keep: set: removeAttrs set (builtins.filter (name: !(keep name set.${name})) (attrNames set));
  filterAttrsRecursive = keep: set:
    mapAttrs (_: value: if isAttrs value then lib.filterAttrsRecursive keep value else value) (lib.filterAttrs keep set);
  foldlAttrs = f: nul: set: builtins.foldl' (state: name: f state name set.${name}) nul (attrNames set);
  foldAttrs = f: nul: sets:
    builtins.foldl' (all: set: all // mapAttrs (name: value: f value (all.${name} or nul)) set) { } (lib.reverseList sets);
  collect = matches: set:
    if matches set then [ set ]
    else if isAttrs set then builtins.concatMap (lib.collect matches) (builtins.attrValues set) else [ ];
  cartesianProduct = sets:
    builtins.foldl' (rows: name: builtins.concatMap (row: map (value: row // { ${name} = value; }) sets.${name}) rows)
      [ { } ] (attrNames sets);
  cartesianProductOfSets = lib.cartesianProduct;
  mapCartesianProduct = f: sets: map f (lib.cartesianProduct sets);
  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  attrsToList = lib.mapAttrsToList (name: value: { inherit name value; });
  mapAttrsRecursive = lib.mapAttrsRecursiveCond (_: true);
  mapAttrsRecursiveCond = enter: f: set:
    let
      go = path: mapAttrs (name: value:
        let here = path ++ [ name ];
        in if isAttrs value && enter value then go here value else f here value);
    in go [ ] set;
  mapAttrsToListRecursive = f: set: lib.collect (x: !isAttrs x) (lib.mapAttrsRecursive f set);
  genAttrs = names: f: listToAttrs (map (name: { inherit name; value = f name; }) names);
  genAttrs' = list: f: listToAttrs (map f list);
  isDerivation = x:
    if invar.isSymbol x then builtins.intersectAttrs { outPath = null; } x != { }
    else builtins.isAttrs x && (x.type or null) == "derivation";
  toDerivation = path: { type = "derivation"; name = baseNameOf path; outPath = path; };
  optionalAttrs = condition: set: if condition then set else { };
  zipAttrsWithNames = names: f: sets:
    listToAttrs (map (name: { inherit name; value = f name (builtins.catAttrs name sets); }) names);
  inherit (builtins) zipAttrsWith;
  zipAttrs = lib.zipAttrsWith (_: values: values);
  zip = lib.zipAttrs;
  recursiveUpdateUntil = stop: left: right:
    let
      go = path: a: b: a // mapAttrs (name: value:
        let here = path ++ [ name ];
        in if a ? ${name} && !(stop here a.${name} value) then go here a.${name} value else value) b;
    in go [ ] left right;
  recursiveUpdate = lib.recursiveUpdateUntil (_: a: b: !(isAttrs a && isAttrs b));
  updateManyAttrsByPath = updates: set:
    builtins.foldl' (all: update: lib.recursiveUpdate all (lib.setAttrByPath update.path (update.update (lib.attrByPath update.path null all)))) set updates;
  matchAttrs = pattern: set:
    builtins.all (name: set ? ${name} && (if isAttrs pattern.${name} then isAttrs set.${name} && lib.matchAttrs pattern.${name} set.${name} else pattern.${name} == set.${name})) (attrNames pattern);
  overrideExisting = old: new: mapAttrs (name: value: new.${name} or value) old;
  showAttrPath = path: if path == [ ] then "<root attribute path>" else lib.concatMapStringsSep "." lib.escapeNixIdentifier path;
  unionOfDisjoint = a: b: a // b;
  renameCrossIndexFrom = _: x: x;
  intersectAttrs = builtins.intersectAttrs;

  # Outputs of packages.
  getOutput = output: package:
    # Whether something that is not known has the output is not known either: it stands for itself.
    if invar.isSymbol package then (builtins.intersectAttrs { ${output} = null; } package).${output} or package
    else if isAttrs package && !(package.outputSpecified or false) then package.${output} or (package.out or package) else package;
  getFirstOutput = outputs: package:
    let found = builtins.filter (output: package ? ${output}) outputs;
    in if found == [ ] then package else package.${head found};
  getBin = lib.getOutput "bin";
  getLib = lib.getOutput "lib";
  getStatic = lib.getOutput "static";
  getDev = lib.getOutput "dev";
  getInclude = lib.getOutput "dev";
  getMan = lib.getOutput "man";
  chooseDevOutputs = map lib.getDev;
  getExe = package: lib.getExe' package (package.meta.mainProgram or (lib.getName package));
  getExe' = package: program: "${lib.getBin package}/bin/${program}";
}
