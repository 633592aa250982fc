# What a flake's inputs are: those that are known by name and meaning, and symbols for all others.
world:
let
  inherit (world) lib;
  inherit (world.package) package;
  systems = lib.systems.flakeExposed;
  perSystem = lib.genAttrs systems;
  pkgsFor = perSystem (system: world.configure { inherit system; });
  flake = name: attributes: invar.open {
    name = "inputs.${name}";
    attributes = {
      _type = "flake";
      inputs = invar.open { name = "inputs.${name}.inputs"; missing = other: byName other; };
    } // attributes;
    missing = field: invar.symbol "inputs.${name}.${field}";
  };
  pythonOverlay = world.pyproject.buildSystems;
  known = {
    nixpkgs = name: flake name {
      inherit (world) lib;
      legacyPackages = pkgsFor;
      __import = rest:
        if rest == "" || rest == "/default.nix" then world.configure
        else if rest == "/lib" then world.lib
        else invar.symbol "nixpkgs${rest}";
    };
    systems = name: flake name { __import = _: [ "aarch64-darwin" "aarch64-linux" "x86_64-darwin" "x86_64-linux" ]; };
    systems-linux = name: flake name { __import = _: [ "aarch64-linux" "x86_64-linux" ]; };
    flake-utils = name: flake name { lib = world.flakeUtils; __import = _: world.flakeUtils; };
    flake-parts = name: flake name {
      lib = world.flakeParts;
      flakeModules = invar.symbol "inputs.${name}.flakeModules";
    };
    uv2nix = name: flake name {
      inherit (world.uv2nix) lib;
      packages = perSystem (_: { uv-bin = package [ "uv" ]; });
    };
    pyproject-nix = name: flake name { inherit (world.pyproject.input) lib build; __import = _: world.pyproject.input; };
    blueprint = name: flake name { __functor = _: world.blueprint; };
    import-tree = name: flake name {
      __functor = _: folders: {
        imports = builtins.concatMap (folder:
          builtins.filter (file: lib.hasSuffix ".nix" (toString file) && !(lib.hasInfix "/_" (toString file)))
            (if lib.pathIsDirectory folder then lib.filesystem.listFilesRecursive folder else [ folder ])) (lib.toList folders);
      };
    };
    build-systems = name: flake name {
      overlays = { default = pythonOverlay; wheel = pythonOverlay; sdist = pythonOverlay; };
    };
    nix2container = name: flake name {
      packages = perSystem (system: {
        nix2container = world.nix2container.packages pkgsFor.${system};
        skopeo-nix2container = package [ "skopeo" ];
      });
      overlays.default = final: _: { nix2container = world.nix2container.packages final; };
    };
  };
  byName = name: (known.${invar.facts.inputs.${name} or name} or unknown) name;
  unknown = name: flake name { };
in
{
  # An input by the name that the flake gives it. One that is a folder or file of the project is that.
  input = name:
    let kind = invar.facts.inputs.${name} or name;
    in if invar.facts.paths ? ${name} then { outPath = invar.facts.paths.${name}; _type = "flake"; inputs = { }; }
    else if known ? ${kind} then known.${kind} name else unknown name;
}
