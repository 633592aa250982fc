# What nixpkgs' attributes stand for: packages by name, calls of functions that nobody knows, and derivations that are known
# by their arguments.
world:
let
  inherit (world) lib;

  # Programs that are not called as their package is.
  programs = {
    bashInteractive = "bash";
    bashNonInteractive = "bash";
    cargo-watch = "cargo-watch";
    fd = "fd";
    gnumake = "make";
    gnugrep = "grep";
    gnused = "sed";
    gnutar = "tar";
    gawk = "gawk";
    imagemagick = "magick";
    neovim = "nvim";
    nodejs = "node";
    nodejs_20 = "node";
    nodejs_22 = "node";
    nodejs_24 = "node";
    openssh = "ssh";
    postgresql = "postgres";
    ripgrep = "rg";
    busybox = "busybox";
    cloudflared = "cloudflared";
    tesseract = "tesseract";
    yt-dlp = "yt-dlp";
    python3Minimal = "python3";
    ghostscript = "gs";
    poppler-utils = "pdftotext";
    ffmpeg-headless = "ffmpeg";
    ffmpeg-full = "ffmpeg";
    nixfmt-rfc-style = "nixfmt";
  };

  # A function over attributes, as an overlay over them: what `overrideAttrs` takes.
  overlay = change:
    if lib.isFunction change
    then final: old: let first = change old; in if lib.isFunction first then change final old else first
    else _: _: change;

  # Values that are a package's: known by name, and told apart by what was asked of them.
  thing = { kind, name, arguments, attributes ? { } }:
    let
      symbol = invar.make { inherit kind name arguments; };
    in
    {
      type = "derivation";
      inherit name;
      outPath = "${symbol}";
      drvPath = "${symbol}.drv";
      invarThing = symbol;
    } // attributes;

  # nixpkgs' package at `path`, for instance `[ "xorg" "libX11" ]`.
  package = path: packageWith { inherit path; output = null; changes = [ ]; };
  packageWith = { path, output, changes }@arguments:
    let
      name = lib.last path;
      attribute = builtins.concatStringsSep "." ([ "pkgs" ] ++ path);
      changed = change: packageWith (arguments // { changes = changes ++ [ change ]; });
      old = invar.open { name = attribute; attributes = known; missing = field: invar.symbol "${attribute}.${field}"; };
      # What attributes a package has of its own is not known: lists start out empty, so that additions are seen.
      known = {
        inherit name;
        pname = name;
        buildInputs = [ ];
        nativeBuildInputs = [ ];
        propagatedBuildInputs = [ ];
        propagatedNativeBuildInputs = [ ];
        dependencies = [ ];
        patches = [ ];
        passthru = { };
        doCheck = true;
        disabledTests = [ ];
        pythonImportsCheck = [ ];
        configureFlags = [ ];
        cmakeFlags = [ ];
        mesonFlags = [ ];
        makeFlags = [ ];
        env = { };
        outputs = [ "out" ];
      } // lib.genAttrs [ "preBuild" "postBuild" "preConfigure" "postConfigure" "prePatch" "postPatch" "preInstall" "postInstall" "preFixup" "postFixup" "preCheck" "postCheck" "makeWrapperArgs" ] (_: "");
      self = invar.make {
        kind = "package";
        inherit name arguments;
        attributes = {
          pname = name;
          out = self;
          bin = self;
          outputSpecified = output != null;
          _type = null;
          meta = invar.open {
            name = "${attribute}.meta";
            attributes.mainProgram = programs.${name} or name;
            missing = field: invar.symbol "${attribute}.meta.${field}";
          };
          passthru = invar.open { name = "${attribute}.passthru"; missing = field: package (path ++ [ field ]); };
          override = change: changed { override = if lib.isFunction change then change { } else change; };
          overrideAttrs = change: changed { attributes = overlay change old old; };
          overridePythonAttrs = change: changed { attributes = overlay change old old; };
          overrideDerivation = change: changed { attributes = overlay change old old; };
          __functor = _: call path;
        } // lib.genAttrs [ "dev" "lib" "man" "doc" "static" "data" "dist" ] (output: packageWith (arguments // { inherit output; }));
        missing = field:
          package (path ++ [ field ]);
      };
    in self;

  # A function of nixpkgs that is not known, and what it is applied to.
  call = path: argument:
    let
      attribute = builtins.concatStringsSep "." ([ "pkgs" ] ++ path);
      result = changes: invar.make {
        kind = "call";
        name = lib.last path;
        arguments = { function = path; inherit argument changes; };
        attributes = {
          overrideAttrs = change: result (changes ++ [ { attributes = overlay change { } { }; } ]);
          override = change: result (changes ++ [ { override = change; } ]);
          __functor = _: next: call (path ++ [ "…" ]) next;
        };
        missing = field:
          if builtins.isAttrs argument && !(invar.isSymbol argument) && argument ? ${field} then argument.${field}
          else invar.symbol "(${attribute} { … }).${field}";
      };
    in result [ ];

  # A derivation that `function` makes of `recipe`: the attributes, as a function over the final ones.
  derive = function: recipe:
    let
      attributes = lib.settled (recipe (attributes // { finalPackage = self; }));
      symbol = invar.make { kind = "derivation"; name = function; arguments = { inherit function attributes; }; };
      outputs = attributes.outputs or [ "out" ];
      output = name: self // {
        outPath = "${invar.make { kind = "output"; inherit name; arguments = { of = symbol; inherit name; }; }}";
        outputName = name;
        outputSpecified = true;
      };
      changed = change: derive function (lib.extends (overlay change) recipe);
      self = builtins.listToAttrs (map (name: { inherit name; value = output name; }) outputs)
        // attributes // (attributes.passthru or { }) // {
          type = "derivation";
          name = attributes.name or "${attributes.pname or function}${if attributes ? version then "-${attributes.version}" else ""}";
          outPath = "${symbol}";
          drvPath = "${symbol}.drv";
          out = self;
          invarThing = symbol;
          meta = attributes.meta or { };
          passthru = attributes.passthru or { };
          overrideAttrs = changed;
          overridePythonAttrs = changed;
          overrideDerivation = changed;
          override = change: changed (if lib.isFunction change then change { } else change);
          inputDerivation = self;
          env = attributes.env or self;
          outputName = "out";
        };
    in self;

  # A function with `override`, as nixpkgs' functions have: who made the compiler does not matter here.
  overridable = f: { __functor = _: f; __functionArgs = { }; override = _: overridable f; };
  recipeOf = argument: if lib.isFunction argument then argument else _: argument;
  deriver = function: overridable (argument: derive function (recipeOf argument));
in
{
  inherit overlay thing package call derive deriver overridable recipeOf;
}
