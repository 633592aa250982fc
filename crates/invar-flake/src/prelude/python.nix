# Python interpreters of nixpkgs, their packages and environments.
world: pkgs:
let
  inherit (world) lib;
  inherit (world.package) derive overlay package recipeOf thing;

  # `python3` is what the channel's release says.
  default = invar.facts.python;
  versions = [ "3.8" "3.9" "3.10" "3.11" "3.12" "3.13" "3.14" "3.15" ];
  attributeOf = version: "python" + lib.replaceStrings [ "." ] [ "" ] version;

  # `wanted` is the attribute as the flake names it: `python3` stands for the channel's own.
  interpreter = { wanted, version, overrides ? [ ], variant ? { } }@arguments:
    let
      folder = "python${version}";
      attribute = attributeOf version;
      old = invar.open { name = "pkgs.${wanted}"; missing = field: invar.symbol "pkgs.${wanted}.${field}"; };
      self = invar.make {
        kind = "interpreter";
        name = attribute;
        arguments = { inherit wanted version variant; changes = map builtins.attrNames overrides; };
        attributes = {
          pname = "python3";
          pythonVersion = version;
          version = "${version}.0";
          sourceVersion = { major = lib.versions.major version; minor = lib.versions.minor version; patch = "0"; suffix = ""; };
          implementation = "cpython";
          executable = folder;
          libPrefix = folder;
          pythonAttr = attribute;
          sitePackages = "lib/${folder}/site-packages";
          interpreter = "${self}/bin/${folder}";
          isPy3 = true;
          isPy2 = false;
          isPy3k = true;
          isPyPy = false;
          isCPython = true;
          pythonOlder = lib.versionOlder version;
          pythonAtLeast = lib.versionAtLeast version;
          out = self;
          bin = self;
          pythonOnBuildForHost = self;
          pythonOnBuildForBuild = self;
          pythonForBuild = self;
          meta = { mainProgram = folder; platforms = lib.platforms.all; };
          passthru = self;
          pkgs = packages;
          withPackages = choose: environment (choose packages);
          # Another name for `withPackages`, with options.
          buildEnv = { override = options: environment (options.extraLibs or [ ]); };
          env = self;
          override = change:
            let new = if lib.isFunction change then change { packageOverrides = _: _: { }; self = self; } else change;
            in interpreter (arguments // { overrides = overrides ++ [ new ]; });
          overrideAttrs = change: interpreter (arguments // { overrides = overrides ++ [ { attributes = overlay change old old; } ]; });
        };
        missing = field: package [ attribute field ];
      };
      set = "${attribute}Packages";
      base = {
        python = self;
        pythonVersion = version;
        inherit (self) sitePackages isPy3 isPy3k isPyPy pythonOlder pythonAtLeast;
        pythonAlt = self;
        buildPythonPackage = pythonBuilder "buildPythonPackage";
        buildPythonApplication = pythonBuilder "buildPythonApplication";
        toPythonModule = package: package;
        toPythonApplication = package: package;
        requiredPythonModules = packages: packages;
        makePythonPath = list: builtins.concatStringsSep ":" (map (package: "${package}/lib/${folder}/site-packages") list);
        hasPythonModule = _: true;
        disabledIf = _: package: package;
        # A file that is called may ask for packages of both: nixpkgs' own are those that are known by name.
        callPackage =
          let shared = invar.known pkgs // all;
          in world.callPackage { known = shared; set = view shared; next = pkgs; };
        pkgs = pkgs;
        inherit lib;
        inherit (pkgs) stdenv fetchFromGitHub;
        fetchPypi = package [ set "fetchPypi" ];
        override = _: packages;
        overrideScope = change: (interpreter (arguments // { overrides = overrides ++ [ { packageOverrides = change; } ]; })).pkgs;
      };
      extensions = map (o: o.packageOverrides or (_: _: { })) overrides;
      all = builtins.foldl' (previous: extension:
        lib.layer previous (extension packages (view previous))) base (pkgs.pythonPackagesExtensions ++ extensions);
      view = attributes: invar.open { name = "pkgs.${set}"; inherit attributes; missing = name: package [ set name ]; };
      packages = view all;
      pythonBuilder = function: world.package.overridable (argument:
        derive function (final: { python = self; } // recipeOf argument final));
      environment = list: thing {
        kind = "interpreter-environment";
        name = "${attribute}-env";
        arguments = { interpreter = self; packages = list; };
        attributes = {
          inherit (self) pythonVersion sitePackages executable libPrefix pkgs meta implementation withPackages isPy3;
          interpreter = "${environment list}/bin/${folder}";
          python = self;
          out = environment list;
          override = options: environment (list ++ options.extraLibs or [ ]);
          env = environment list;
          overrideAttrs = _: environment list;
          passthru = environment list;
        };
      };
    in self;

  named = wanted: version: interpreter { inherit wanted version; };
  plain = lib.listToAttrs (map (version: { name = attributeOf version; value = named (attributeOf version) version; }) versions);
  variants = lib.concatMapAttrs (name: python: {
    "${name}Packages" = python.pkgs;
    "${name}Full" = interpreter { wanted = "${name}Full"; version = python.pythonVersion; variant.full = true; };
    "${name}FreeThreading" = interpreter { wanted = "${name}FreeThreading"; version = python.pythonVersion; variant.freeThreading = true; };
  }) plain;
  python3 = named "python3" default;
in
plain // variants // {
  inherit python3;
  python = python3;
  python3Full = interpreter { wanted = "python3Full"; version = default; variant.full = true; };
  python3Minimal = interpreter { wanted = "python3Minimal"; version = default; variant.minimal = true; };
  python3Packages = python3.pkgs;
  pythonPackages = python3.pkgs;
  pythonPackagesExtensions = [ ];
  pythonInterpreters = plain // { inherit python3; };
}
