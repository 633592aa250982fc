# nixpkgs, as `import nixpkgs { … }` gives it: known functions by their meaning, everything else a package by its name.
world:
let
  inherit (world) lib;
  inherit (world.package) deriver package thing;

  # Arguments of a function of the flake, from a set: one with a default is given only if the set has a known attribute of that name.
  callPackage = { known, set, next }: f: arguments:
    let
      function =
        if lib.isFunction f then f
        else import f;
      wanted = lib.functionArgs function;
      given = lib.filterAttrs (name: optional: !(arguments ? ${name}) && (!optional || known ? ${name})) wanted;
      result = function (builtins.mapAttrs (name: _: set.${name}) given // arguments);
      again = change: callPackage { inherit known set next; } function
        (arguments // (if lib.isFunction change then change (builtins.mapAttrs (name: _: set.${name}) given // arguments) else change));
    in
    # A package of nixpkgs that is called: what it is given is not known by name.
    if invar.isSymbol function then function arguments
    else if builtins.isAttrs result && !(invar.isSymbol result) then { overrideDerivation = result.overrideAttrs or null; } // result // { override = again; }
    else result;

  instantiate = { system, overlays, config, crossSystem ? null }@arguments:
    let
      host = if crossSystem == null then system else crossSystem;
      platform = lib.platformOf host;
      stdenv = invar.open {
        name = "pkgs.stdenv";
        attributes = {
          mkDerivation = deriver "stdenv.mkDerivation";
          hostPlatform = platform;
          buildPlatform = lib.platformOf system;
          targetPlatform = platform;
          system = host;
          inherit (platform) isLinux isDarwin isx86_64 isAarch64 is64bit isi686 isAarch32;
          name = "stdenv-linux";
          shell = "${package [ "bash" ]}/bin/bash";
          override = _: stdenv;
          overrideAttrs = _: stdenv;
        };
        missing = name: package [ "stdenv" name ];
      };
      base = world.builders final // world.docker final // world.python final // {
        inherit lib stdenv system config overlays;
        inherit (stdenv) hostPlatform buildPlatform targetPlatform;
        stdenvNoCC = stdenv;
        clangStdenv = stdenv;
        gccStdenv = stdenv;
        gcc13Stdenv = stdenv;
        gcc12Stdenv = stdenv;
        overrideCC = _: _: stdenv;
        useMoldLinker = _: stdenv;
        useWrappedStdenv = _: stdenv;
        pkgs = final;
        path = world.nixpkgsPath;
        callPackage = callPackage { known = all; set = final; next = final; };
        callPackages = callPackage { known = all; set = final; next = final; };
        newScope = extra: callPackage { known = all // extra; set = final // extra; next = final; };
        makeScopeWithSplicing = throw "pkgs.makeScopeWithSplicing is not known";
        extend = overlay: instantiate (arguments // { overlays = overlays ++ [ overlay ]; });
        appendOverlays = more: instantiate (arguments // { overlays = overlays ++ more; });
        buildPackages = final;
        pkgsBuildBuild = final;
        pkgsBuildHost = final;
        pkgsHostHost = final;
        targetPackages = final;
        pkgsCross = invar.open {
          name = "pkgs.pkgsCross";
          missing = name:
            instantiate (arguments // {
              crossSystem = {
                aarch64-multiplatform = "aarch64-linux";
                aarch64-multiplatform-musl = "aarch64-linux";
                gnu64 = "x86_64-linux";
                musl64 = "x86_64-linux";
                armv7l-hf-multiplatform = "armv7l-linux";
                riscv64 = "riscv64-linux";
              }.${name} or host;
            });
        };
        pkgsStatic = invar.open { name = "pkgs.pkgsStatic"; attributes = all; missing = name: package [ "pkgsStatic" name ]; };
        pkgsMusl = invar.open { name = "pkgs.pkgsMusl"; attributes = all; missing = name: package [ "pkgsMusl" name ]; };
        inherit (lib) recurseIntoAttrs makeOverridable;
        # The helper that Python sets of uv2nix are made with, by nixpkgs' own name.
        nix2container = world.nix2container.packages final;
        runtimeShell = "${package [ "bash" ]}/bin/bash";
        # Folders of nixpkgs' own, and what never reaches an image.
        nixosOptionsDoc = _: invar.symbol "pkgs.nixosOptionsDoc";
        # Aliases, so that both names mean one package.
        dockerTools = (world.docker final).dockerTools;
        invarPackages = true;
      };
      view = attributes: invar.open { name = "pkgs"; inherit attributes; missing = name: package [ name ]; };
      all = builtins.foldl' (previous: overlay:
        lib.layer previous (overlay final (view previous))) base overlays;
      final = view all;
    in final;

  # What `import nixpkgs` is: a function over options.
  configure = options:
    let
      given = options.system or options.localSystem.system or options.localSystem or invar.facts.system;
      system = if builtins.isString given then given else given.system or invar.facts.system;
      cross = options.crossSystem or null;
    in instantiate {
      inherit system;
      overlays = options.overlays or [ ];
      config = options.config or { };
      crossSystem =
        if cross == null then null
        else if builtins.isString cross then cross
        else cross.system or (
          let parts = lib.splitString "-" (cross.config or system);
          in "${builtins.head parts}-linux");
    };
in
{ inherit callPackage configure; }
