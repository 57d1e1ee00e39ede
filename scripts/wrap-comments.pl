#!/usr/bin/perl
# Wraps comments at 120 columns, which `swift format` leaves as they are: what is too long moves to the next line of its
# paragraph. Rewrites the files that are named.
use strict;
use warnings;
use open qw(:std :encoding(UTF-8));

my $most = 120;

sub wrap {
    my @lines = @_;
    for (my $i = 0; $i < @lines; $i++) {
        # Prose only: one blank behind the slashes, so that tables, lists and drawings stay.
        next unless length($lines[$i]) > $most && $lines[$i] =~ m{^(\s*///? )(?=\S)(.*)$};
        my ($head, $text) = ($1, $2);
        my $cut = rindex(substr($text, 0, $most - length($head) + 1), ' ');
        next if $cut <= 0;
        my $rest = substr($text, $cut + 1);
        $lines[$i] = $head . substr($text, 0, $cut);
        my $next = $i + 1 < @lines ? $lines[$i + 1] : '';
        if ($next =~ m{^\Q$head\E(?![-*] |MARK:|Parameters)(\S.*)$}) {
            $lines[$i + 1] = "$head$rest $1";
        } else {
            splice @lines, $i + 1, 0, $head . $rest;
        }
    }
    return @lines;
}

for my $path (@ARGV) {
    open my $in, '<', $path or die "$path: $!\n";
    chomp(my @lines = <$in>);
    close $in;
    my @wrapped = wrap(@lines);
    next if "@lines" eq "@wrapped" && @lines == @wrapped;
    open my $out, '>', $path or die "$path: $!\n";
    print $out map { "$_\n" } @wrapped;
    close $out;
}
