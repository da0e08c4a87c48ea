//! Mail as it is really sent: a small SMTP listener and a client, over TCP, for one mail or for many.
//!
//! They implement as much of RFC 5321 as two well-behaved peers need. Nothing is relayed or kept on disk.

mod client;
mod listener;

pub use self::{
    client::{Mail, Session, deliver},
    listener::{Delivered, Listener},
};

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::{Listener, Mail, Session, deliver};

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn listener() -> (Listener, SocketAddr) {
        let listener = Listener::bind(&[SocketAddr::new(LOCALHOST, 0)]).unwrap();
        let address = listener.addresses()[0];
        (listener, address)
    }

    #[test]
    fn a_mail_arrives_as_it_was_sent() {
        let (listener, address) = listener();
        let body = "Subject: hello\r\n\r\n.a line that begins with a dot\r\nlast\r\n";
        deliver(LOCALHOST, address, &Mail::new(body)).unwrap();
        let delivered = listener.stop();
        assert_eq!(delivered.len(), 1);
        assert_eq!((delivered[0].peer.ip(), delivered[0].body.as_str()), (LOCALHOST, body));
    }

    #[test]
    fn a_stop_does_not_wait_for_an_idle_session() {
        let (listener, address) = listener();
        let mut session = Session::open(LOCALHOST, address).unwrap();
        assert_eq!(listener.stop().len(), 0);
        assert!(session.send(&Mail::new("late\r\n")).is_err());
        assert!(deliver(LOCALHOST, address, &Mail::new("later\r\n")).is_err());
    }
}
