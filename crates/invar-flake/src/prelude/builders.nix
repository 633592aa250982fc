# nixpkgs' builders: each gives a derivation that is known by the function's name and its attributes.
world: pkgs:
let
  inherit (world) lib;
  inherit (world.package) derive deriver overridable package;

  text = function: attributes: derive function (_: attributes);
  script = function: name: content: text function {
    inherit name;
    text = content;
    executable = true;
    destination = "";
  };
  program = function: name: content: text function {
    inherit name;
    text = content;
    executable = true;
    destination = "/bin/${name}";
    meta.mainProgram = name;
  };
  # A writer of a language: name, options, text.
  writer = function: language: name: options: content:
    text "writers.${function}" (options // {
      inherit name language;
      text = content;
      executable = true;
      destination = if lib.hasSuffix "Bin" function then "/bin/${name}" else "";
      meta.mainProgram = baseNameOf name;
    });
  plainWriter = function: language: name: content:
    if builtins.isAttrs content then writer function language name content else writer function language name { } content;
  command = function: name: attributes: content:
    text function (attributes // { inherit name; buildCommand = content; });
in
{
  writeText = name: content: text "writeText" { inherit name; text = content; executable = false; destination = ""; };
  writeTextDir = path: content: text "writeTextDir" {
    name = baseNameOf path;
    text = content;
    executable = false;
    destination = "/${path}";
  };
  writeTextFile = { name ? attributes.pname or "text", text, executable ? false, destination ? "", ... }@attributes:
    derive "writeTextFile" (_: attributes // { inherit name executable destination; });
  writeScript = script "writeScript";
  writeScriptBin = program "writeScriptBin";
  writeShellScript = script "writeShellScript";
  writeShellScriptBin = program "writeShellScriptBin";
  writeShellApplication = { name, text, ... }@attributes:
    derive "writeShellApplication" (_: attributes // {
      executable = true;
      destination = "/bin/${name}";
      meta = { mainProgram = name; } // attributes.meta or { };
    });
  writeReferencesToFile = path: text "writeReferencesToFile" { name = "references"; inherit path; };
  concatText = name: files: text "concatText" { inherit name files; executable = false; destination = ""; };
  concatScript = name: files: text "concatText" { inherit name files; executable = true; destination = ""; };

  writers = {
    writeBash = plainWriter "writeBash" "bash";
    writeBashBin = plainWriter "writeBashBin" "bash";
    writeDash = plainWriter "writeDash" "dash";
    writeDashBin = plainWriter "writeDashBin" "dash";
    writePython3 = writer "writePython3" "python";
    writePython3Bin = writer "writePython3Bin" "python";
    writeText = name: content: text "writeText" { inherit name; text = content; executable = false; destination = ""; };
    writeJSON = name: value: text "writeText" { inherit name; text = builtins.toJSON value; executable = false; destination = ""; };
    writeTOML = name: value: text "writers.writeTOML" { inherit name value; };
    writeYAML = name: value: text "writeText" { inherit name; text = builtins.toJSON value; executable = false; destination = ""; };
    writeJS = writer "writeJS" "javascript";
    writeJSBin = writer "writeJSBin" "javascript";
    writePerl = writer "writePerl" "perl";
    writePerlBin = writer "writePerlBin" "perl";
    writeRust = writer "writeRust" "rust";
    writeRustBin = writer "writeRustBin" "rust";
  };
  formats = invar.open {
    name = "pkgs.formats";
    missing = format: _options: {
      type = invar.symbol "pkgs.formats.${format}.type";
      generate = name: value: text "formats.${format}" { inherit name value; };
    };
  };

  runCommand = command "runCommand";
  runCommandLocal = command "runCommand";
  runCommandCC = command "runCommand";
  runCommandNoCC = command "runCommand";
  runCommandWith = { name, derivationArgs ? { }, ... }: content: command "runCommand" name derivationArgs content;

  symlinkJoin = { paths ? [ ], ... }@attributes: derive "symlinkJoin" (_: attributes // { inherit paths; });
  buildEnv = overridable (attributes: derive "buildEnv" (world.package.recipeOf attributes));
  linkFarm = name: entries: text "linkFarm" {
    inherit name;
    entries =
      if builtins.isList entries then entries
      else lib.mapAttrsToList (name: path: { inherit name path; }) entries;
  };
  linkFarmFromDrvs = name: packages: text "linkFarm" {
    inherit name;
    entries = map (path: { inherit (path) name; inherit path; }) packages;
  };
  onlyBin = path: text "symlinkJoin" { name = "only-bin"; paths = [ path ]; };
  substitute = attributes: text "substitute" attributes;
  substituteAll = attributes: text "substituteAll" attributes;
  replaceVars = src: replacements: text "replaceVars" { name = baseNameOf (toString src); inherit src replacements; };
  replaceVarsWith = attributes: text "replaceVars" attributes;
  applyPatches = { src, patches ? [ ], ... }@attributes: text "applyPatches" ({ name = "source"; } // attributes);
  closureInfo = attributes: text "closureInfo" (attributes // { name = "closure-info"; });
  emptyDirectory = text "runCommand" { name = "empty-directory"; buildCommand = "mkdir $out"; };
  emptyFile = text "writeText" { name = "empty-file"; text = ""; executable = false; destination = ""; };
  makeDesktopItem = attributes: text "makeDesktopItem" attributes;
  makeSetupHook = attributes: script: text "makeSetupHook" (attributes // { inherit script; });
  makeFontsConf = attributes: text "makeFontsConf" (attributes // { name = "fonts.conf"; });
  buildFHSEnv = attributes: text "buildFHSEnv" attributes;
  buildFHSUserEnv = attributes: text "buildFHSEnv" attributes;
  # Lists of what wheels may expect of a system.
  pythonManylinuxPackages = lib.genAttrs [ "manylinux1" "manylinux2010" "manylinux2014" ] (name: [ (package [ "pythonManylinuxPackages" name ]) ]);
  copyDesktopItems = package [ "copyDesktopItems" ];

  mkShell = overridable (attributes: derive "mkShell" (world.package.recipeOf attributes));
  mkShellNoCC = overridable (attributes: derive "mkShell" (world.package.recipeOf attributes));

  buildNpmPackage = deriver "buildNpmPackage";
  buildGoModule = deriver "buildGoModule";
  buildGoApplication = deriver "buildGoApplication";
  mkYarnPackage = deriver "mkYarnPackage";
  mkPnpmPackage = deriver "mkPnpmPackage";
  buildDotnetModule = deriver "buildDotnetModule";
  buildRubyGem = deriver "buildRubyGem";
  bundlerEnv = deriver "bundlerEnv";
  mixRelease = deriver "mixRelease";
  rustPlatform = invar.open {
    name = "pkgs.rustPlatform";
    attributes = { buildRustPackage = deriver "rustPlatform.buildRustPackage"; };
    missing = name: package [ "rustPlatform" name ];
  };
  makeRustPlatform = _: pkgs.rustPlatform;

  # Tests and virtual machines: nothing that an image has.
  testers = invar.open { name = "pkgs.testers"; missing = name: argument: text "testers.${name}" (if builtins.isAttrs argument then argument else { }); };
  nixosTest = argument: text "nixosTest" (if builtins.isAttrs argument then argument else { });
  nixosTests = invar.open { name = "pkgs.nixosTests"; missing = name: package [ "nixosTests" name ]; };
}
