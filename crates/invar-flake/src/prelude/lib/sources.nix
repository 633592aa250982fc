# Which files of a folder are taken: selections that are known as data.
lib:
let
  # The files below a folder for which `keep` says so, of their paths and kinds; folders for which it does not are not entered.
  walk = keep: folder:
    let kinds = builtins.readDir folder;
    in builtins.concatMap (name:
      let here = folder + "/${name}"; kind = kinds.${name};
      in if !(keep (toString here) kind) then [ ]
      else if kind == "directory" then walk keep here else [ (invar.path here) ]) (builtins.attrNames kinds);
  below = path:
    if !(builtins.pathExists path) then throw "${toString path} does not exist"
    else if lib.sources.pathIsDirectory path then walk (_: _: true) path else [ (invar.path path) ];
  asSet = files: builtins.listToAttrs (map (name: { inherit name; value = null; }) files);
  # The files of a file set, as the names of a set.
  members = fileset:
    let
      inherit (fileset) operation operands;
      each = map members operands;
      first = builtins.head operands;
      describe = file: { name = baseNameOf file; type = "regular"; hasExt = extension: lib.hasSuffix ".${extension}" (baseNameOf file); };
    in
    if operation == "path" then asSet (below first)
    else if operation == "optional" then (if builtins.pathExists first then asSet (below first) else { })
    else if operation == "union" then builtins.foldl' (a: b: a // b) { } each
    else if operation == "intersection" then builtins.intersectAttrs (builtins.head each) (lib.last each)
    else if operation == "difference" then removeAttrs (builtins.head each) (builtins.attrNames (lib.last each))
    else asSet (builtins.filter (file: builtins.elemAt operands 1 (describe file)) (below first));
  relative = root: path: lib.removePrefix "/" (lib.removePrefix (invar.path root) path);
  filesOf = root: selection:
    let
      inherit (selection) operation;
      src = selection.src or root;
      all = asSet (walk (
        if operation == "filter" then selection.filter
        else if operation == "expressions" then path: _: builtins.any (expression: builtins.match expression (relative root path) != null) selection.expressions
        else path: kind: kind == "directory" || builtins.any (suffix: lib.hasSuffix suffix path) selection.suffixes) root);
    in
    if operation == "fileset" then builtins.attrNames (members selection.fileset)
    else if operation == "package" then null
    else if !(invar.isSymbol src) && builtins.isAttrs src && src ? invarFiles then builtins.attrNames (builtins.intersectAttrs all (asSet src.invarFiles))
    else builtins.attrNames all;
  # A selection of files below a folder. `selection` says how it came about, for whoever copies it.
  source = { root, name ? "source", selection }:
    let
      arguments = { inherit root selection; files = filesOf root selection; };
      # The evaluator reads files of it at its root, which has to be known by then.
      symbol = builtins.seq arguments.root (invar.make { kind = "source"; inherit name arguments; });
    in
    {
      inherit name;
      outPath = "${symbol}";
      origSrc = root;
      invarFiles = arguments.files;
      invarThing = symbol;
    };
  # The folder that a source or a path stands for.
  rootOf = src: if invar.isSymbol src then src else if builtins.isAttrs src then src.origSrc or (src.outPath or src) else src;
  # A file set: a list of what is taken, each a path, a condition or an operation on others.
  set = operation: operands: { _type = "fileset"; inherit operation operands; };
  coerce = x: if !(invar.isSymbol x) && builtins.isAttrs x && (x._type or null) == "fileset" then x else set "path" [ x ];
in
{
  cleanSourceFilter = name: type:
    let base = baseNameOf (toString name);
    in !((base == ".git" || base == ".svn" || base == "CVS" || base == ".hg") && type == "directory"
      || lib.hasSuffix "~" base || builtins.match "\\..*\\.sw[a-z]" base != null
      || lib.hasSuffix ".o" base || lib.hasSuffix ".so" base && type != "directory"
      || type == "symlink" && lib.hasPrefix "result" base);
  cleanSource = src: lib.cleanSourceWith { inherit src; filter = lib.cleanSourceFilter; };
  cleanSourceWith = { filter ? _: _: true, src, name ? "source" }: source {
    root = rootOf src;
    inherit name;
    selection = { operation = "filter"; inherit filter src; };
  };
  sourceByRegex = src: expressions: source {
    root = rootOf src;
    selection = { operation = "expressions"; inherit src expressions; };
  };
  sourceFilesBySuffices = src: suffixes: source {
    root = rootOf src;
    selection = { operation = "suffixes"; inherit src suffixes; };
  };
  trace = src: src;
  pathType = path: let kinds = builtins.readDir (dirOf path); in kinds.${baseNameOf path};
  pathIsDirectory = path: builtins.pathExists path && lib.sources.pathType path == "directory";
  pathIsRegularFile = path: builtins.pathExists path && lib.sources.pathType path == "regular";
  pathIsGitRepo = _path: false;
  commitIdFromGitRepo = _path: throw "the revision of a checkout differs with each commit";

  inherit source;

  fileset = {
    toSource = { root, fileset }: source { inherit root; selection = { operation = "fileset"; fileset = coerce fileset; }; };
    unions = filesets: set "union" (map coerce filesets);
    union = a: b: set "union" [ (coerce a) (coerce b) ];
    intersection = a: b: set "intersection" [ (coerce a) (coerce b) ];
    difference = a: b: set "difference" [ (coerce a) (coerce b) ];
    maybeMissing = path: set "optional" [ path ];
    fileFilter = predicate: path: set "filter" [ path predicate ];
    gitTracked = path: set "path" [ path ];
    gitTrackedWith = _options: path: set "path" [ path ];
    fromSource = src: set "path" [ (rootOf src) ];
    empty = set "union" [ ];
    trace = _fileset: x: x;
    traceVal = fileset: fileset;
    toList = fileset: (coerce fileset).operands;
    isFileset = x: builtins.isAttrs x && (x._type or null) == "fileset";
    subpath = { };
  };
  path = {
    append = path: sub: path + "/${sub}";
    hasPrefix = a: b: lib.hasPrefix (toString a + "/") (toString b + "/");
    removePrefix = a: b: "./" + lib.removePrefix "/" (lib.removePrefix (toString a) (toString b));
    splitRoot = path: { root = /.; subpath = "./" + lib.removePrefix "/" (toString path); };
    subpath = {
      isValid = text: builtins.isString text && !(lib.hasPrefix "/" text) && !(builtins.elem ".." (lib.splitString "/" text));
      join = parts: "./" + builtins.concatStringsSep "/" (map (lib.removePrefix "./") parts);
      normalise = text: "./" + lib.removePrefix "./" (lib.normalizePath text);
      components = text: builtins.filter (part: part != "" && part != ".") (lib.splitString "/" text);
    };
  };
  filesystem = {
    pathType = path: lib.sources.pathType path;
    pathIsDirectory = path: lib.sources.pathIsDirectory path;
    pathIsRegularFile = path: lib.sources.pathIsRegularFile path;
    listFilesRecursive = folder:
      builtins.concatMap (name:
        let here = folder + "/${name}";
        in if (builtins.readDir folder).${name} == "directory" then lib.filesystem.listFilesRecursive here else [ here ])
        (builtins.attrNames (builtins.readDir folder));
    resolveDefaultNix = path: path;
    packagesFromDirectoryRecursive = { callPackage, directory, ... }:
      lib.mapAttrs' (name: kind: {
        name = lib.removeSuffix ".nix" name;
        value =
          if kind == "directory" && builtins.pathExists (directory + "/${name}/package.nix")
          then callPackage (directory + "/${name}/package.nix") { }
          else if kind == "directory" then lib.filesystem.packagesFromDirectoryRecursive { inherit callPackage; directory = directory + "/${name}"; }
          else callPackage (directory + "/${name}") { };
      }) (lib.filterAttrs (name: kind: kind == "directory" || lib.hasSuffix ".nix" name) (builtins.readDir directory));
  };
}
