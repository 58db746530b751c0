# expressions.pl SPLIT-PIECES [TEXTS [SEED]]: cuts random texts with Perl's own regular expressions,
# which are here as the models' publishers give them, and fails where the program cuts otherwise.
use strict;
use warnings;
use utf8;
use feature 'unicode_strings'; # \s takes U+00A0 and U+0085 in every text
binmode STDOUT, ':encoding(UTF-8)';

my ($program, $count, $seed) = @ARGV;
$count //= 2000;
$seed //= 1;

my $contraction = qr/'s|'t|'re|'ve|'m|'ll|'d/;
my $gpt2 =
  qr/$contraction| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/;

sub words {
  my $number = shift;
  return qr/(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|$number
    |\ ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/x;
}

my $letters = 'A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}'
      . '\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}'
      . '\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}'
      . '\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}'
      . '\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}'
      . '\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}'
      . '\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}'
      . '\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}'
      . '\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}'
      . '\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}'
      . '\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}'
      . '\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}'
      . '\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}'
      . '\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}'
      . '\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}'
      . '\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}';
my $scripts = qr/[一-龥\x{800}-一가-\x{D7FF}]+/;
my $line = qr/[\r\n]/;
my $number = qr/\p{N}/;

my %expressions = (
  'default' => [qr/[\p{P}\$\+<=>\^~\|]+/, $gpt2, qr/\p{N}+/, qr/[0-9][0-9][0-9]/],
  'gpt-2' => [$gpt2],
  'llama-bpe' => [words(qr/\p{N}{1,3}/)],
  'qwen2' => [words($number)],
  'deepseek-llm' => [$line, qr/\s?[$letters]+/, qr/\s?[!-\/:-~！-／：-～‘-‟　-。]+/, qr/\s+$/,
    $scripts, $number],
  'deepseek-coder' => [$line, qr/\s?\p{L}+/, qr/\s?\p{P}+/, $scripts, $number],
  'falcon' => [qr/[\p{P}\$\+<=>\^~\|`]+/, $gpt2, qr/[0-9][0-9][0-9]/],
  'starcoder' => [$number, $gpt2],
  'refact' => [$number, $gpt2],
);

# What texts are made of; characters that Unicode has had for long, so that versions do not matter.
my @parts = (
  split(//, 'abzABSTREVMLD0123456789.,!?$+<=>^|~`@#%&*()_-/\\:;"[]{}'),
  ("'") x 4, "'s", "'T", "'re", "'VE", "'ll", "'d", "'m", "'\x{17F}", (' ') x 6, '  ', "\t", "\n",
  "\r\n", "\r", map { chr } 0xA0, 0x3000, 0x2028, 0x85, 0x0B, 0x0C, 0x1680, 0x2007, 0x200B, 0xFEFF,
  0x301, 0x200D, 0xE9, 0xFC, 0xDF, 0x1BB, 0x294, 0x44F, 0x416, 0x561, 0x531, 0x10D0, 0x10A0, 0x65E5,
  0x8A9E, 0x3042, 0x30AB, 0xD55C, 0x1112, 0x5D0, 0x627, 0xE01, 0x915, 0x93F, 0xBD, 0xB2, 0x2167,
  0x663, 0x4E09, 0x2460, 0x3002, 0xFF0C, 0x3001, 0x300C, 0xFF5E, 0xFF01, 0x2018, 0x201D, 0x2026,
  0x2014, 0x20AC, 0x2192, 0x1F600, 0x9FA5, 0x9FA6, 0x7FF, 0x800, 0xD7FF, 0x10400, 0x1D400, 0xFB01,
  0xFF5A, 0xE0001, 0x212A
);

sub cut {
  my ($text, @expressions) = @_;
  my @pieces = ($text);
  for my $expression (@expressions) {
    my @finer;
    for my $piece (@pieces) {
      my $done = 0;
      while ($piece =~ /$expression/g) {
        push @finer, substr($piece, $done, $-[0] - $done), substr($piece, $-[0], $+[0] - $-[0]);
        $done = $+[0];
      }
      push @finer, substr($piece, $done);
    }
    @pieces = grep { length } @finer;
  }
  return join '', map { "$_\x02" } @pieces;
}

srand $seed;
my @texts = map {
  join '', map { $parts[rand @parts] } 0 .. rand 20
} 1 .. $count;
my $input = "pieces-$$.txt";
open my $file, '>:encoding(UTF-8)', $input or die "error: $input: $!\n";
print $file map { "$_\x01" } @texts;
close $file or die "error: $input: $!\n";

my $failures = 0;
for my $name (sort keys %expressions) {
  open my $pipe, '-|:encoding(UTF-8)', "'$program' $name < $input" or die "error: $program: $!\n";
  my $output = do { local $/; <$pipe> };
  close $pipe or die "error: '$program $name' fails\n";
  my @found = split /\x01/, $output;
  for my $text (@texts) {
    my ($expected, $found) = (cut($text, @{$expressions{$name}}), shift @found);
    next if $found eq $expected;
    print "error: $name cuts otherwise than its expression:\n",
      map { s/\x02/|/gr =~ s/([^ -~])/sprintf '\\x{%X}', ord $1/ger . "\n" } $expected, $found;
    $failures++;
    last;
  }
}
unlink $input;
exit($failures ? 1 : 0);
