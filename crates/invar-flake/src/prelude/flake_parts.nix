# flake-parts: modules that are merged, with what each system has.
world:
let
  inherit (world) lib;
  transposed = [ "packages" "apps" "checks" "devShells" "legacyPackages" ];
  # Options that are not known keep what is defined, and give symbols for what their modules would add.
  kept = path: value:
    if !(invar.isSymbol value) && builtins.isAttrs value && !(lib.isDerivation value)
      && !(value ? _type) && !(value ? __functor)
    then invar.open { name = path; attributes = builtins.mapAttrs (name: kept "${path}.${name}") value // { invarKept = true; }; missing = name: invar.symbol "${path}.${name}"; }
    else value;
  opened = path: known: set: invar.open {
    name = path;
    attributes = builtins.mapAttrs (name: value: if builtins.elem name known then value else kept "${path}.${name}" value) set;
    missing = name: if builtins.elem name known then { } else invar.symbol "${path}.${name}";
  };
  argumentsOf = modules: lib.mergeSets (map (module: module.definitions._module.args or { }) modules);
  optionsOf = modules: builtins.foldl' lib.recursiveUpdate { } (map (module: removeAttrs module.options [ "perSystem" "flake" ]) modules);
  merged = names: modules: lib.applyOptions "config" (optionsOf modules)
    (lib.mergeSets (map (module: removeAttrs module.definitions ([ "_module" ] ++ names)) modules));

  evaluate = { inputs ? self.inputs, self ? inputs.self, specialArgs ? { }, ... }: module:
    let
      known = { inherit inputs self lib withSystem getSystem moduleWithSystem flake-parts-lib; config = config; options = invar.symbol "options"; moduleLocation = "flake.nix"; } // specialArgs;
      modules = lib.loadModules known (argumentsOf modules) module;
      definitions = merged [ "perSystem" "systems" ] modules;
      config = opened "config" ([ "flake" "systems" ] ++ builtins.attrNames (optionsOf modules)) (definitions // { inherit systems allSystems; });
      listed = builtins.concatMap (module:
        let found = module.definitions.systems or [ ];
        in if !(invar.isSymbol found) && builtins.isList found then found else [ invar.facts.system ]) modules;
      systems = builtins.filter builtins.isString (lib.unique listed);
      perSystem = builtins.concatMap (module:
        lib.optional (module.definitions ? perSystem) module.definitions.perSystem
        ++ lib.optional ((module.options.perSystem._type or null) == "perSystem") module.options.perSystem.module) modules;
      allSystems = lib.genAttrs systems system;
      system = name:
        let
          known = {
            inherit lib;
            config = own;
            options = invar.symbol "perSystem.options";
            system = name;
            self' = each self name;
            inputs' = builtins.mapAttrs (_: input: each input name) inputs;
          } // removeAttrs specialArgs [ "lib" "config" "pkgs" ];
          given = { pkgs = inputs.nixpkgs.legacyPackages.${name}; final = given.pkgs; } // argumentsOf modules;
          modules = builtins.concatMap (lib.loadModules known given) perSystem;
          plain = merged [ ] modules;
          own = opened "perSystem" (transposed ++ [ "formatter" ] ++ builtins.attrNames (optionsOf modules)) (plain // {
            devShells = plain.devShells or { }
              // builtins.mapAttrs (_: shell: world.package.derive "devenv" (_: { name = "devenv"; } // shell)) (plain.devenv.shells or { });
          });
        in
        { config = own; inherit plain; arguments = given // known; allModuleArgs = given // known; };
      each = flake: name: invar.open {
        name = "flake";
        attributes = { };
        missing = output: flake.${output}.${name};
      };
      getSystem = name: (system name).config;
      withSystem = name: f: let own = system name; in lib.callModule f own.arguments { };
      moduleWithSystem = f: arguments: f arguments;
      flake = definitions.flake or { };
      perOutput = output: builtins.mapAttrs (_: own: own.config.${output}) allSystems;
      own = lib.genAttrs transposed perOutput;
      known' = lib.filterAttrs (output: _: systems != [ ]) own;
    in
    {
      inherit config;
      outputs = known' // builtins.mapAttrs (output: value:
        if known' ? ${output} && builtins.isAttrs value then lib.recursiveUpdate known'.${output} value else value) flake
        // lib.optionalAttrs (systems != [ ]) {
          formatter = builtins.mapAttrs (_: own: own.plain.formatter or null) allSystems;
          invarPerSystem = builtins.mapAttrs (_: own: removeAttrs own.plain (transposed ++ [ "formatter" "devenv" ])) allSystems;
        };
    };
  flake-parts-lib = {
    mkFlake = arguments: module: (evaluate arguments module).outputs;
    evalFlakeModule = arguments: module: { inherit (evaluate arguments module) config; };
    importApply = path: arguments: import path arguments;
    mkPerSystemOption = module: { _type = "perSystem"; inherit module; };
    mkPerSystemType = module: { _type = "perSystem"; inherit module; };
    mkTransposedPerSystemModule = { name, ... }: { invarTransposed.${name} = true; };
    mkSubmoduleOptions = _: { };
    mkDeferredModuleType = _: { };
    defaultModule = flake: flake.flakeModules.default or flake;
  };
in flake-parts-lib
