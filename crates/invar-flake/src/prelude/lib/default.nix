# nixpkgs' library: what its groups define, as one set and each as a set of its own.
groups:
let
  inherit (groups) trivial lists strings attrsets modules sources data;
  # Builtins that the library hands on under their own names.
  handed = {
    inherit (builtins)
      add addErrorContext all any attrNames attrValues baseNameOf bitAnd bitOr bitXor catAttrs ceil compareVersions
      concatLists concatMap concatStringsSep deepSeq dirOf div elem elemAt filter floor foldl' fromJSON fromTOML
      functionArgs genericClosure genList getAttr groupBy hasAttr hasContext head intersectAttrs isAttrs isBool
      isFloat isInt isList isPath isString length lessThan listToAttrs map mapAttrs match mul parseDrvName
      partition pathExists readDir readFile removeAttrs replaceStrings seq sort split splitVersion stringLength
      sub substring tail toJSON toString tryEval typeOf unsafeDiscardStringContext unsafeGetAttrPos zipAttrsWith;
  };
  lib = handed // trivial lib // lists lib // strings lib // attrsets lib // modules lib // data lib // {
    inherit (sources lib) cleanSource cleanSourceWith cleanSourceFilter sourceByRegex sourceFilesBySuffices
      fileset path filesystem pathType pathIsDirectory pathIsRegularFile commitIdFromGitRepo pathIsGitRepo;
    sources = sources lib;
    inherit (lib.filesystem) packagesFromDirectoryRecursive;
    lists = handed // lists lib;
    strings = handed // strings lib // { replicate = lib.replicateString; };
    attrsets = handed // attrsets lib;
    fixedPoints = trivial lib;
    modules = modules lib;
    debug = trivial lib;
    asserts = trivial lib;
    derivations = trivial lib;
    foldl' = builtins.foldl';
    knows = set: name: set ? ${name};
    extend = overlay: lib // overlay lib lib;
    nixpkgs = lib;
  };
in lib
