#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A FastCGI app as event loops write them: its listening socket does not block, it accepts until there is nothing left, and at its
# end it gives descriptor 0 back as it was. Whatever else accepts from the same socket would hang in accept() from then on.
use strict;
use warnings;
use Fcntl;
use IO::Select;
use IO::Socket;

my $listener = IO::Socket->new_from_fd(0, 'r+') or die "descriptor 0: $!";
my $flags = fcntl($listener, F_GETFL, 0);
fcntl($listener, F_SETFL, $flags | O_NONBLOCK);
my $stop = 0;
$SIG{TERM} = sub { $stop = 1 };
$SIG{PIPE} = 'IGNORE';

sub take {
  my ($socket, $length) = @_;
  my $data = '';
  while (length $data < $length) {
    my $count = sysread($socket, $data, $length - length $data, length $data);
    next if !defined $count && $!{EINTR};
    return undef unless $count;
  }
  return $data;
}

sub record { return pack('CCnnCC', 1, $_[0], $_[1], length $_[2], 0, 0) . $_[2] }

sub serve {
  my ($socket) = @_;
  while (defined(my $head = take($socket, 8))) {
    my (undef, $type, $id, $length, $padding) = unpack 'CCnnC', $head;
    return unless defined take($socket, $length + $padding);
    next unless $type == 5 && $length == 0;
    my $text = "Content-Type: text/plain\r\n\r\n$$\n";
    syswrite($socket, record(6, $id, $text) . record(6, $id, '') . record(3, $id, "\0" x 8));
    return;
  }
}

my $select = IO::Select->new($listener);
while (!$stop) {
  for my $ready ($select->can_read(1)) {
    if ($ready != $listener) {
      serve($ready);
      $select->remove($ready);
      close $ready;
      next;
    }
    while (my $socket = $listener->accept) {
      fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) & ~O_NONBLOCK);
      $select->add($socket);
    }
  }
}
fcntl($listener, F_SETFL, $flags);
