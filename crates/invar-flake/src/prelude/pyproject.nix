# pyproject.nix: projects as nixpkgs' packages, and sets of Python packages that are built one by one.
world:
let
  inherit (world) lib;
  inherit (world.package) overlay package thing;
  # Where a path, a source or a text that names one is in the project.
  folderOf = invar.path;
  normalized = name: lib.toLower (builtins.concatStringsSep "-" (builtins.filter builtins.isString (builtins.split "[-_.]+" name)));

  # A package of a Python set. `changes` are what overrides gave it, of which only these are known.
  pythonPackage = { name, version, local ? null, editable ? null, locked ? false, overlays ? [ ], arguments ? { } }@own:
    let
      base = {
        inherit name;
        pname = name;
        version = if version == null then "${invar.symbol "pythonSet.${name}.version"}" else version;
        src = if local != null then local else thing { kind = "source"; name = "${name}-source"; arguments = { root = null; selection = { operation = "package"; package = name; }; }; };
        buildInputs = [ ];
        nativeBuildInputs = [ ];
        propagatedBuildInputs = [ ];
        patches = [ ];
        env = { };
        meta = { };
        passthru = {
          dependencies = { };
          optional-dependencies = { };
          dependency-groups = { };
          tests = { };
          packages = { };
        };
        outputs = [ "out" ];
        format = "pyproject";
      };
      state = builtins.foldl' (state: change:
        let new = change final state.all;
        in { all = lib.layer state.all new; changed = lib.layer state.changed new; })
        { all = base; changed = { }; } overlays;
      final = state.all // { finalPackage = self; };
      self = thing {
        kind = "python-package";
        inherit name;
        arguments = { inherit name version local editable locked; changes = state.changed; given = arguments; };
        attributes = state.all.passthru or { } // state.all // {
          out = self;
          dist = self // { outputName = "dist"; };
          overrideAttrs = change: pythonPackage (own // { overlays = overlays ++ [ (overlay change) ]; });
          overridePythonAttrs = change: pythonPackage (own // { overlays = overlays ++ [ (overlay change) ]; });
          override = change: pythonPackage (own // {
            arguments = arguments // (if lib.isFunction change then change { } else change);
          } // lib.optionalAttrs (builtins.isAttrs change && change ? editableRoot) { editable = change.editableRoot; });
        };
      };
    in self;

  backends = [
    "setuptools" "setuptools-scm" "setuptools-rust" "wheel" "hatchling" "hatch-vcs" "hatch-fancy-pypi-readme" "flit-core" "flit-scm"
    "poetry-core" "poetry-dynamic-versioning" "pdm-backend" "pdm-pep517" "maturin" "cython" "meson" "meson-python" "ninja"
    "scikit-build" "scikit-build-core" "cmake" "pybind11" "nanobind" "numpy" "cffi" "calver" "trove-classifiers" "packaging"
    "pathspec" "pluggy" "editables" "expandvars" "versioneer" "pbr" "jupyter-packaging" "sip" "uv-build" "uv-dynamic-versioning"
    "whey" "enscons" "py-build-cmake" "build" "installer" "pip" "tomli" "toml" "typing-extensions" "versioningit" "semantic-version"
  ];
  # The overlay of `build-system-pkgs`: what packages are built with, unless the lock has it.
  buildSystems = _final: previous:
    lib.genAttrs backends (name: previous.${name} or (pythonPackage { inherit name; version = null; }));

  # The programs of a package of an environment.
  application = { venv, package, overlays }@own:
    let
      name = package.pname or "application";
      base = {
        inherit name;
        pname = name;
        inherit (package) version;
        meta = package.meta or { };
        passthru = package.passthru or { };
        buildInputs = [ ];
        nativeBuildInputs = [ ];
      };
      state = builtins.foldl' (state: change: let new = change state.all state.all; in { all = lib.layer state.all new; changed = lib.layer state.changed new; }) { all = base; changed = { }; } overlays;
      self = thing {
        kind = "application";
        inherit name;
        arguments = { inherit venv package; changes = state.changed; };
        attributes = (state.all.passthru or { }) // state.all // {
          out = self;
          overrideAttrs = change: application (own // { overlays = overlays ++ [ (overlay change) ]; });
          override = change: application (own // (if lib.isFunction change then change own else change));
        };
      };
    in self;

  # The set that `extensions` make: `callPackage pyproject-nix.build.packages { … }` with its `overrideScope`.
  pythonSet = { python, pkgs, extensions }@own:
    let
      unknown = name: pythonPackage { inherit name; version = null; };
      systems = spec: map (name: final.${name}) (builtins.attrNames (if spec == { } then { setuptools = [ ]; wheel = [ ]; } else spec));
      virtualenv = { name, spec, overlays ? [ ] }@given:
        let
          base = { inherit name; venvSkip = [ ]; venvIgnoreCollisions = [ ]; nativeBuildInputs = [ ]; buildInputs = [ ]; passthru = { }; meta = { }; postFixup = ""; postInstall = ""; };
          state = builtins.foldl' (state: change: let new = change state.all state.all; in { all = lib.layer state.all new; changed = lib.layer state.changed new; }) { all = base; changed = { }; } overlays;
          self = thing {
            kind = "virtualenv";
            inherit name;
            arguments = { inherit name spec; changes = state.changed; set = description; };
            attributes = (state.all.passthru or { }) // state.all // {
              out = self;
              inherit (python) pythonVersion sitePackages;
              overrideAttrs = change: virtualenv (given // { overlays = overlays ++ [ (overlay change) ]; });
              override = _: self;
            };
          };
        in self;
      description = invar.make { kind = "python-set"; name = "pythonSet"; arguments = { inherit python; packages = all; hidden = builtins.attrNames (base // hooks); }; };
      hooks = lib.genAttrs [
        "pyprojectConfigureHook" "pyprojectBuildHook" "pyprojectInstallHook" "pyprojectOutputSetupHook" "pyprojectCrossShebangHook"
        "pyprojectMakeVenvHook" "pyprojectHook" "pyprojectWheelHook" "pyprojectBuildEditableHook" "pyprojectFixupEditableHook"
        "pyprojectEditableHook" "pyprojectInstallDistHook" "pyprojectDistHook" "pyprojectWheelDistHook" "pyprojectPypaInstallHook"
      ] (name: thing { kind = "hook"; inherit name; arguments = { inherit name; }; attributes = { override = _: hooks.${name}; }; });
      base = {
        inherit python pkgs lib hooks;
        inherit (pkgs) stdenv;
        mkVirtualEnv = name: spec: virtualenv { inherit name spec; };
        resolveBuildSystem = systems;
        resolveVirtualEnv = spec: map (name: final.${name}) (builtins.attrNames spec);
        pythonPkgsHostHost = final;
        pythonPkgsBuildHost = final;
        buildPackages = pkgs;
        # A file that is called may ask for packages of both: nixpkgs' are those that the set has not.
        callPackage =
          let shared = invar.known pkgs // all;
          in world.callPackage {
            known = shared;
            set = invar.open { name = "pythonSet"; attributes = shared; missing = name: pkgs.${name}; };
            next = pkgs;
          };
        newScope = extra: world.callPackage { known = all // extra; set = final // extra; next = pkgs; };
        overrideScope = extension: pythonSet (own // { extensions = extensions ++ [ extension ]; });
        overrideScope' = extension: pythonSet (own // { extensions = extensions ++ [ extension ]; });
        packages = _: all;
      };
      all = builtins.foldl' (previous: extension:
        lib.layer previous (extension final previous)) (base // hooks) extensions;
      final = invar.open { name = "pythonSet"; attributes = all; missing = unknown; };
    in final;

  # One of the conditions of a version specifier, against a version.
  satisfies = version: condition:
    let
      operator = condition.op;
      wanted = lib.removeSuffix ".*" condition.version;
      order = builtins.compareVersions (lib.versions.pad 3 version) (lib.versions.pad 3 wanted);
      begins = lib.hasPrefix "${wanted}." "${version}.";
    in
    if operator == ">=" then order >= 0
    else if operator == ">" then order > 0
    else if operator == "<=" then order <= 0
    else if operator == "<" then order < 0
    else if operator == "==" || operator == "===" then begins
    else if operator == "!=" then !begins
    else order >= 0 && lib.hasPrefix "${builtins.concatStringsSep "." (lib.init (builtins.splitVersion wanted))}." "${version}.";
  conditions = text: builtins.concatMap (part:
    let parts = builtins.match " *(===|==|~=|!=|<=|>=|<|>) *([^ ]+) *" part;
    in if parts == null then [ ] else [ { op = builtins.head parts; version = builtins.elemAt parts 1; } ]) (lib.splitString "," text);

  projectAt = root: invar.facts.projects.${folderOf root} or (throw "there is no pyproject.toml in ${folderOf root}");
  load = requirementsOf: { projectRoot ? null, pyproject ? null, requirements ? null, ... }@arguments:
    let
      facts = projectAt projectRoot;
      wanted = requirementsOf arguments facts;
      from = set: names: builtins.concatMap (name: [ set.${normalized name} ]) names;
      chosen = { extras ? [ ], groups ? [ ], ... }:
        wanted.dependencies
        ++ builtins.concatMap (extra: wanted.extras.${extra} or [ ]) extras
        ++ builtins.concatMap (group: wanted.groups.${group} or [ ]) groups;
      self = {
        inherit projectRoot;
        pyproject = if pyproject != null then pyproject else if projectRoot == null then null else lib.importTOML (projectRoot + "/pyproject.toml");
        requires-python = if wanted ? requires-python then conditions wanted.requires-python else [ ];
        dependencies = { inherit (wanted) dependencies extras groups; build-systems = [ ]; };
        validators = invar.symbol "project.validators";
        renderers = {
          withPackages = { extraPackages ? (_: [ ]), ... }@options: set: from set (chosen options) ++ extraPackages set;
          buildPythonPackage = { python, ... }@options: {
            pname = facts.name;
            version = facts.version;
            src = projectRoot;
            pyproject = true;
            build-system = from python.pkgs facts.build-systems;
            dependencies = from python.pkgs (chosen options);
            optional-dependencies = { };
            passthru = { };
            meta = { };
          };
          mkPythonEditablePackage = { python, ... }@options: {
            pname = facts.name;
            version = facts.version;
            root = "";
            dependencies = from python.pkgs (chosen options);
          };
          mkPythonPackage = { python, ... }@options: self.renderers.buildPythonPackage options;
          pyprojectNix = invar.symbol "renderers.pyprojectNix";
          meta = _: { };
        };
      };
    in self;
  ofProject = _: facts: facts // { dependencies = facts.dependencies; extras = facts.optional-dependencies; groups = facts.dependency-groups; };
  ofRequirements = { requirements ? null, projectRoot ? null, ... }: _:
    let
      text = if requirements == null then builtins.readFile (projectRoot + "/requirements.txt") else requirements;
      nameOf = line: builtins.match " *([A-Za-z0-9][A-Za-z0-9._-]*).*" line;
    in
    {
      dependencies = builtins.concatMap (line: let name = nameOf line; in if name == null then [ ] else name) (lib.splitString "\n" text);
      extras = { };
      groups = { };
    };
in
{
  inherit pythonPackage folderOf normalized conditions;
  input = {
    lib = {
      project = {
        loadPyproject = load ofProject;
        loadUVPyproject = load ofProject;
        loadPDMPyproject = load ofProject;
        loadPoetryPyproject = load ofProject;
        loadPyprojectDynamic = load ofProject;
        loadRequirementsTxt = load ofRequirements;
      };
      util.filterPythonInterpreters = { requires-python, pythonInterpreters, ... }:
        let
          wanted = if builtins.isString requires-python then conditions requires-python else requires-python;
          names = [ "python311" "python312" "python313" "python314" ];
          fits = name: pythonInterpreters ? ${name} && builtins.all (satisfies pythonInterpreters.${name}.pythonVersion) wanted;
        in map (name: pythonInterpreters.${name}) (builtins.filter fits names);
      pypi.normalizePackageName = normalized;
      pypa.normalizePackageName = normalized;
      pep621 = invar.symbol "pyproject-nix.lib.pep621";
      pep440 = { parseVersionConds = conditions; parseVersion = version: version;
        comparators = lib.genAttrs [ "===" "==" "~=" "!=" "<=" ">=" "<" ">" ] (op: version: wanted: satisfies version { inherit op; version = wanted; });
      };
      pep508 = invar.symbol "pyproject-nix.lib.pep508";
      pep723 = invar.symbol "pyproject-nix.lib.pep723";
      scripts = invar.symbol "pyproject-nix.lib.scripts";
      renderers = invar.symbol "pyproject-nix.lib.renderers";
      validators = invar.symbol "pyproject-nix.lib.validators";
    };
    build = {
      packages = { python, pkgs, ... }: pythonSet { inherit python pkgs; extensions = [ ]; };
      util = { ... }: {
        mkApplication = { venv, package, ... }: application { inherit venv package; overlays = [ ]; };
      };
      hacks = { ... }: {
        # nixpkgs' own build of a package, in the place of the locked one.
        nixpkgsPrebuilt = { from, prev ? null, ... }: pythonPackage {
          name = normalized (from.pname or "package");
          version = prev.version or null;
          arguments = { nixpkgs = from; };
        };
        importCargoLock = { prev, ... }: prev;
        toNixpkgs = _: invar.symbol "hacks.toNixpkgs";
      };
      lib = invar.symbol "pyproject-nix.build.lib";
    };
  };
  inherit buildSystems;
}
